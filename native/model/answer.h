// The tokens and the text of an answer as it grows.
#pragma once

#include <string>
#include <vector>

#include "model/detokenizer.h"

namespace paligemma {

class Answer {
public:
    // The text ends before the first of the `stops` that appears in it.
    Answer(bool with_marks, std::vector<std::string> stops) : detokenizer_(with_marks), stops_(std::move(stops)) {}

    void add(const Model & model, llama_token token);
    void end();

    bool                             stopped() const { return stop_ != std::string::npos; }
    const std::vector<llama_token> & tokens() const { return tokens_; }
    std::string                      text() const { return detokenizer_.text().substr(0, stop_); }

    // Text that has come since the last call and that no stop string can take back.
    std::string fresh();

private:
    void   find_stop();
    size_t safe_length() const;

    Detokenizer              detokenizer_;
    std::vector<std::string> stops_;
    std::vector<llama_token> tokens_;
    size_t                   stop_     = std::string::npos;
    size_t                   searched_ = 0;
    size_t                   sent_     = 0;
    bool                     ended_    = false;
};

} // namespace paligemma
