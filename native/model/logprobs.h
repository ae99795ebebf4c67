// Probabilities of the tokens that were generated.
#pragma once

#include <vector>

#include "llama.h"

namespace paligemma {

struct TokenLogprob {
    llama_token                                token;
    float                                      logprob;
    float                                      near; // of a location: that it or one of its neighbours comes; else logprob
    std::vector<std::pair<llama_token, float>> top; // the most probable tokens, best first
};

// Natural logarithm of the softmax of `logits` at `token`, and the `top` most probable tokens with theirs.
TokenLogprob token_logprob(const std::vector<float> & logits, llama_token token, int top);

// The same for a location: the probabilities of those within `reach` of it are added up, since neighbouring locations are
// nearly tied and share what the model is sure of. `locations` in their order.
float nearby_logprob(const std::vector<float> & logits, llama_token token, const std::vector<llama_token> & locations, int reach);

struct Range { size_t first, end; };

// The same where only the logits of some tokens are known, and their probabilities among all: of the one at `chosen`, and of
// those in `nearby` together.
TokenLogprob chosen_logprob(const std::vector<llama_token> & tokens, const float * logits, const float * probabilities, size_t chosen,
                            Range nearby);

// log(sum(exp(logits))), computed so that nothing overflows.
float log_sum_exp(const std::vector<float> & logits);

} // namespace paligemma
