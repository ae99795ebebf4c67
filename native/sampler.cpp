#include "sampler.h"

#include <algorithm>

namespace paligemma {

Sampler::Sampler(const Sampling & sampling) {
    if (sampling.temperature <= 0.0f) return;
    llama_sampler_chain_params params = llama_sampler_chain_default_params();
    params.no_perf = true;
    chain_.reset(llama_sampler_chain_init(params));
    // The order of transformers: temperature first, then the cuts, then the draw.
    llama_sampler_chain_add(chain_.get(), llama_sampler_init_temp(sampling.temperature));
    if (sampling.top_k > 0) llama_sampler_chain_add(chain_.get(), llama_sampler_init_top_k(sampling.top_k));
    if (sampling.top_p < 1.0f) llama_sampler_chain_add(chain_.get(), llama_sampler_init_top_p(sampling.top_p, 1));
    llama_sampler_chain_add(chain_.get(), llama_sampler_init_dist(sampling.seed));
}

llama_token Sampler::next(const float * logits, int vocabulary) {
    if (!chain_) return llama_token(std::max_element(logits, logits + vocabulary) - logits); // ties: the lowest id
    candidates_.resize(size_t(vocabulary));
    for (llama_token id = 0; id < vocabulary; ++id) candidates_[size_t(id)] = {id, logits[id], 0.0f};
    llama_token_data_array array{candidates_.data(), candidates_.size(), -1, false};
    llama_sampler_apply(chain_.get(), &array);
    return array.data[array.selected].id;
}

} // namespace paligemma
