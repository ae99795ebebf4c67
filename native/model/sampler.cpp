#include "model/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/failure.h"

namespace paligemma {
namespace {

constexpr int NEAR = 10; // bins of 1024: one percent of the picture's side

llama_sampler_ptr make_chain(const Sampling & sampling) {
    if (sampling.temperature <= 0.0f) return nullptr;
    llama_sampler_chain_params params = llama_sampler_chain_default_params();
    params.no_perf = true;
    llama_sampler_ptr chain(llama_sampler_chain_init(params));
    // The order of transformers: temperature first, then the cuts, then the draw.
    llama_sampler_chain_add(chain.get(), llama_sampler_init_temp(sampling.temperature));
    if (sampling.top_k > 0) llama_sampler_chain_add(chain.get(), llama_sampler_init_top_k(sampling.top_k));
    if (sampling.top_p < 1.0f) llama_sampler_chain_add(chain.get(), llama_sampler_init_top_p(sampling.top_p, 1));
    llama_sampler_chain_add(chain.get(), llama_sampler_init_dist(sampling.seed));
    return chain;
}

} // namespace

Sampler::Sampler(const Model & model, const Sampling & sampling, std::unique_ptr<Constraint> constraint, std::vector<llama_token> forced)
    : model_(model), wanted_(sampling.logprobs), chain_(make_chain(sampling)), constraint_(std::move(constraint)), forced_(std::move(forced)) {}

llama_token Sampler::next(const float * logits, int vocabulary) {
    std::vector<float> values(logits, logits + vocabulary);
    check_numbers(all_finite(values), "the logits");
    std::vector<float> permitted;
    if (constraint_) {
        permitted = values;
        constraint_->apply(permitted);
    }
    const llama_token token = position_ < forced_.size() ? forced_[position_++] : choose(constraint_ ? permitted : values);
    if (wanted_) {
        logprobs_.push_back(token_logprob(values, token, *wanted_));
        if (model_.is_location_or_code(token)) logprobs_.back().near = nearby_logprob(values, token, model_.locations(), NEAR);
    }
    if (constraint_) constraint_->accept(token);
    return token;
}

llama_token Sampler::choose(const std::vector<float> & logits) {
    if (!chain_) return llama_token(std::max_element(logits.begin(), logits.end()) - logits.begin());
    candidates_.clear();
    for (size_t id = 0; id < logits.size(); ++id) {
        if (logits[id] > -INFINITY) candidates_.push_back({llama_token(id), logits[id], 0.0f});
    }
    llama_token_data_array array{candidates_.data(), candidates_.size(), -1, false};
    llama_sampler_apply(chain_.get(), &array);
    if (array.selected < 0) throw Failure(Cause::COMPUTING, "no token can come next");
    return array.data[array.selected].id;
}

} // namespace paligemma
