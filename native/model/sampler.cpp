#include "model/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/failure.h"

namespace paligemma {
namespace {

constexpr int NEAR = 10; // bins of 1024: one percent of the picture's side

llama_token largest(const std::vector<float> & logits) {
    return llama_token(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

} // namespace

Sampler::Sampler(const Model & model, const MostProbable &) : output_(Output::TOKEN), model_(model) {}

Sampler::Sampler(const Model & model, const Sampled & choice) : model_(model), choose_(largest), wanted_(choice.logprobs) {
    if (choice.labels) constraint_ = std::make_unique<Constraint>(model, choice.labels->labels, choice.labels->segment);
    if (choice.temperature <= 0.0f) {
        if (constraint_ && wanted_.value_or(0) == 0) output_ = Output::CHOICES; // of the others nobody wants to know
        return;
    }
    draw_   = std::make_unique<Draw>(choice);
    choose_ = [this](const auto & logits) { return draw_->from_all(logits.data(), logits.size()); };
    if (model.on_card() && !constraint_ && !wanted_) output_ = draw_->enough(size_t(model.vocabulary()));
}

Sampler::Sampler(const Model & model, const Forced & choice)
    : model_(model), wanted_(choice.logprobs), forced_(model.tokenize(choice.answer)) {
    forced_.push_back(model.eos());
    choose_ = [this](const auto &) { return forced_[position_++]; };
}

const std::vector<llama_token> & Sampler::choices() const {
    const auto & tokens = constraint_->allowed();
    if (tokens.empty()) throw Failure(Cause::COMPUTING, "no token can come next");
    return tokens;
}

llama_token Sampler::next(llama_context * context, int32_t row) {
    if (output_ != Output::LOGITS) {
        const llama_token token = llama_get_argmax_ith(context, row);
        check_numbers(token >= 0, "the logits"); // an argmax that is none
        if (output_ == Output::TOKEN) return token;
        if (output_ != Output::CHOICES) return draw(context, row);
        const float * probabilities = nullptr;
        const float * logits        = llama_get_choices_ith(context, row, &probabilities);
        return choose(logits, probabilities);
    }
    const float * logits = llama_get_logits_ith(context, row);
    std::vector<float> values(logits, logits + model_.vocabulary());
    check_numbers(all_finite(values), "the logits");
    std::vector<float> permitted;
    if (constraint_) {
        permitted = values;
        constraint_->apply(permitted);
    }
    const llama_token token = choose_(constraint_ ? permitted : values);
    if (wanted_) {
        logprobs_.push_back(token_logprob(values, token, *wanted_));
        if (model_.is_location_or_code(token)) logprobs_.back().near = nearby_logprob(values, token, model_.locations(), NEAR);
    }
    if (constraint_) constraint_->accept(token);
    return token;
}

// The largest of those that may come; of equal ones the first of the vocabulary.
llama_token Sampler::choose(const float * logits, const float * probabilities) {
    const auto & tokens = constraint_->allowed();
    size_t best = 0;
    for (size_t i = 1; i < tokens.size(); ++i) {
        if (logits[i] > logits[best] || (logits[i] == logits[best] && tokens[i] < tokens[best])) best = i;
    }
    const llama_token token = tokens[best];
    if (wanted_) {
        const auto & locations = model_.locations();
        const bool   location  = best < locations.size() && token == locations[best]; // they come first, in their order
        const auto   nearby    = location ? Range{best - std::min<size_t>(NEAR, best), std::min(best + NEAR + 1, locations.size())} : Range{best, best + 1};
        logprobs_.push_back(chosen_logprob(tokens, logits, probabilities, best, nearby));
    }
    constraint_->accept(token);
    return token;
}

// From what was found of the logits where they are; the rare row that this does not decide is brought whole.
llama_token Sampler::draw(llama_context * context, int32_t row) {
    const size_t vocabulary = size_t(model_.vocabulary());
    const auto part = [&](size_t first, size_t count) {
        std::vector<float> logits(count);
        if (!llama_get_logits_part(context, row, int64_t(first), int64_t(count), logits.data()))
            throw Failure(Cause::COMPUTING, "the logits are gone");
        return logits;
    };
    std::optional<llama_token> token;
    if (output_ == Output::SHARES) {
        token = draw_->from_shares(llama_get_shares_ith(context, row), vocabulary, part);
    } else {
        const llama_token * tokens = nullptr;
        const float * probabilities = nullptr;
        const float * logits        = llama_get_best_ith(context, row, &tokens, &probabilities);
        token = draw_->from_best(tokens, logits, probabilities, BEST_COUNT);
    }
    return token ? *token : draw_->from_row(part(0, vocabulary));
}

} // namespace paligemma
