#include "model/logprobs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace paligemma {

float log_sum_exp(const std::vector<float> & logits) {
    const float largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0.0;
    for (float logit : logits) sum += std::exp(logit - largest);
    return largest + float(std::log(sum));
}

TokenLogprob token_logprob(const std::vector<float> & logits, llama_token token, int top) {
    const float total = log_sum_exp(logits);
    const float own = logits[size_t(token)] - total;
    TokenLogprob result{token, own, own, {}};
    const size_t count = std::min(size_t(top), logits.size());
    if (count == 0) return result; // the hot path of boxes and scores: no ranking of the vocabulary
    std::vector<llama_token> best(logits.size());
    std::iota(best.begin(), best.end(), 0);
    const auto better = [&](llama_token a, llama_token b) {
        return logits[size_t(a)] > logits[size_t(b)] || (logits[size_t(a)] == logits[size_t(b)] && a < b);
    };
    std::partial_sort(best.begin(), best.begin() + long(count), best.end(), better);
    for (size_t i = 0; i < count; ++i) result.top.emplace_back(best[i], logits[size_t(best[i])] - total);
    return result;
}

// The sum over all tokens is that over these, divided by their share. A share too small for a float32 counts as the smallest one:
// then the model was sure of something else, and every logprob here is below -100.
TokenLogprob chosen_logprob(const std::vector<llama_token> & tokens, const float * logits, const float * probabilities, size_t chosen,
                            Range nearby) {
    const std::vector<float> known(logits, logits + tokens.size());
    const double share = std::accumulate(probabilities, probabilities + tokens.size(), 0.0);
    const double total = log_sum_exp(known) - std::log(std::max<double>(share, std::numeric_limits<float>::denorm_min()));
    double near = 0.0;
    for (size_t i = nearby.first; i < nearby.end; ++i) near += std::exp(logits[i] - total);
    return {tokens[chosen], float(logits[chosen] - total), float(std::log(near)), {}};
}

float nearby_logprob(const std::vector<float> & logits, llama_token token, const std::vector<llama_token> & locations, int reach) {
    const float total = log_sum_exp(logits);
    const auto  found = std::find(locations.begin(), locations.end(), token);
    if (found == locations.end()) return logits[size_t(token)] - total;
    const auto first = found - std::min<long>(reach, found - locations.begin());
    const auto last  = found + std::min<long>(reach + 1, locations.end() - found);
    double sum = 0.0;
    for (auto location = first; location != last; ++location) sum += std::exp(double(logits[size_t(*location)]) - total);
    return float(std::log(sum));
}

} // namespace paligemma
