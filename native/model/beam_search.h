// Beam search as transformers does it (early_stopping false).
#pragma once

#include <memory>
#include <vector>

#include "model/prefix.h"

namespace paligemma {

struct BeamOptions {
    int   beams;
    int   max_tokens;
    float length_penalty; // a finished sequence scores its log-probability / length^penalty
    bool  float32_cache;
};

// A search that is made a token at a time, so that others may compute between two of them.
class BeamSearch {
public:
    // Computes the prefix, in a context of its own whose sequences share cells. `model` must outlive the
    // search. Throws Failure when computing fails or is interrupted.
    BeamSearch(const Model & model, const Prefix & prefix, const std::vector<Features> & images, const BeamOptions & options);
    ~BeamSearch();

    // Makes every beam a token longer. True: the search is at its end. Throws as the constructor does.
    bool step();

    // Of the best sequence, once the search has ended: its tokens, with <eos> when it ended so, and its score.
    const std::vector<llama_token> & tokens() const;
    float                            score() const;

private:
    struct Beam;
    class Sequences;

    static std::vector<Beam> best_continuations(const std::vector<Beam> & running, const std::vector<std::vector<float>> & logits, size_t count);
    static void              keep_best(std::vector<Beam> & beams, size_t count);

    const Model                   & model_;
    const BeamOptions               options_;
    const size_t                    prefix_; // tokens
    llama_context_ptr               context_;
    std::unique_ptr<Sequences>      sequences_;
    std::vector<std::vector<float>> logits_; // after the last token of each running beam
    std::vector<Beam>               running_, finished_;
    int                             length_ = 0; // tokens of the running beams
};

} // namespace paligemma
