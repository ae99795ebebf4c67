// Beam search as transformers does it (early_stopping false).
#pragma once

#include <functional>
#include <vector>

#include "model.h"

namespace paligemma {

struct BeamOptions {
    int   beams;
    int   max_tokens;
    float length_penalty; // a finished sequence scores its log-probability / length^penalty
    bool  float32_cache;
};

struct BeamResult {
    bool                     interrupted = false;
    std::vector<llama_token> tokens; // of the best sequence, with <eos> when it ended so
    float                    score = 0.0f;
};

// Computes the prefix `rows` [tokens, width] and searches on from it, in a context of its own whose sequences share cells.
// Throws std::runtime_error when computing fails.
BeamResult beam_search(const Model & model, size_t tokens, const std::vector<float> & rows, const BeamOptions & options);

} // namespace paligemma
