// Logits -> the next token, with its probability when asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "llama-cpp.h"
#include "model/constraint.h"
#include "model/logprobs.h"

namespace paligemma {

struct Sampling {
    float              temperature = 0.0f; // 0: greedy
    int                top_k       = 0;    // 0: all
    float              top_p       = 1.0f;
    uint32_t           seed        = 0;
    std::optional<int> logprobs;           // so many alternatives beside each token's own probability
};

class Sampler {
public:
    // With `forced` tokens these come one after another, whatever their probability.
    Sampler(const Model & model, const Sampling & sampling, std::unique_ptr<Constraint> constraint, std::vector<llama_token> forced);

    // Throws Failure when a logit is not finite.
    llama_token next(const float * logits, int vocabulary);

    // Of the model's own distribution: before temperature, cuts and constraint.
    std::vector<TokenLogprob> & logprobs() { return logprobs_; }

private:
    llama_token choose(const std::vector<float> & logits);

    const Model                 & model_;
    std::optional<int>            wanted_;
    llama_sampler_ptr             chain_; // null: greedy
    std::unique_ptr<Constraint>   constraint_;
    std::vector<llama_token>      forced_;
    size_t                        position_ = 0;
    std::vector<TokenLogprob>     logprobs_;
    std::vector<llama_token_data> candidates_;
};

} // namespace paligemma
