// A row of a computed batch -> the next token, with its probability when asked for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "llama.h"
#include "model/batch.h"
#include "model/choice.h"
#include "model/constraint.h"
#include "model/draw.h"
#include "model/logprobs.h"

namespace paligemma {

class Sampler {
public:
    Sampler(const Model & model, const MostProbable & choice);
    Sampler(const Model & model, const Sampled & choice);
    Sampler(const Model & model, const Forced & choice); // one token after another, whatever their probability, then <eos>

    Sampler(const Sampler &)             = delete;
    Sampler & operator=(const Sampler &) = delete;

    // What it needs of a row.
    Output output() const { return output_; }
    // CHOICES: of which tokens.
    const std::vector<llama_token> & choices() const;
    // BEST, SHARES: at which it draws.
    float temperature() const { return draw_->temperature(); }

    // Tokens of the whole answer, where that is known before.
    std::optional<size_t> length() const { return forced_.empty() ? std::nullopt : std::optional(forced_.size()); }

    // Throws Failure when a logit is not finite.
    llama_token next(llama_context * context, int32_t row);

    // Of the model's own distribution: before temperature, cuts and constraint.
    const std::vector<TokenLogprob> & logprobs() const { return logprobs_; }

private:
    llama_token choose(const float * logits, const float * probabilities);
    llama_token draw(llama_context * context, int32_t row); // BEST, SHARES

    Output                                                   output_ = Output::LOGITS;
    const Model                                            & model_;
    std::function<llama_token(const std::vector<float> &)>   choose_; // from all logits
    std::optional<int>                                       wanted_; // alternatives to each token
    std::unique_ptr<Constraint>                              constraint_;
    std::unique_ptr<Draw>                                    draw_;
    std::vector<llama_token>                                 forced_;
    size_t                                                   position_ = 0; // in these
    std::vector<TokenLogprob>                                logprobs_;
};

} // namespace paligemma
