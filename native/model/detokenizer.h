// Token ids -> text, as the reference decodes them.
#pragma once

#include <string>
#include <vector>

#include "model/model.h"

namespace paligemma {

// Collects text token by token. Control and unused tokens give none. A run of byte tokens is text when the whole run is
// valid UTF-8, else each of its bytes becomes U+FFFD, as in the ByteFallback decoder of Hugging Face's tokenizers; so the
// text is valid UTF-8 at all times and never ends within a character.
class Detokenizer {
public:
    // Whether locations and mask codes become text.
    explicit Detokenizer(bool with_marks) : with_marks_(with_marks) {}

    void add(const Model & model, llama_token token);
    void end(); // no more tokens: what a last run of bytes is worth

    const std::string & text() const { return text_; }

private:
    bool        with_marks_;
    std::string text_;
    std::string bytes_; // of a run that is not over
};

// The text of each token by itself. A run of bytes has its text at its last token, the others of it none.
std::vector<std::string> token_texts(const Model & model, const std::vector<llama_token> & tokens);

} // namespace paligemma
