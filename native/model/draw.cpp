#include "model/draw.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/failure.h"

namespace paligemma {
namespace {

// How far sums of probabilities may be off, so that what decides a draw must be farther from where it would be another one. Exponents
// and sums in float32, in whatever order a device adds, are right to some 1e-6 of the whole.
constexpr double SUMS = 1e-5;
// llama.cpp adds up all of a vocabulary in float32, one after another, before it cuts off at top-p: where there are many small
// probabilities its sum, not that of the device, is off by so much. A part of what is cut at.
constexpr double LONG_SUM = 3e-4;

llama_sampler_ptr make_chain(const Sampled & choice) {
    llama_sampler_chain_params params = llama_sampler_chain_default_params();
    params.no_perf                    = true;
    llama_sampler_ptr chain(llama_sampler_chain_init(params));
    // The order of transformers: temperature first, then the cuts, then the draw.
    llama_sampler_chain_add(chain.get(), llama_sampler_init_temp(choice.temperature));
    if (choice.top_k > 0) llama_sampler_chain_add(chain.get(), llama_sampler_init_top_k(choice.top_k));
    if (choice.top_p < 1.0f) llama_sampler_chain_add(chain.get(), llama_sampler_init_top_p(choice.top_p, 1));
    llama_sampler_chain_add(chain.get(), llama_sampler_init_dist(choice.seed));
    return chain;
}

} // namespace

Draw::Draw(const Sampled & choice)
    : temperature_(choice.temperature), top_k_(choice.top_k), top_p_(choice.top_p), chain_(make_chain(choice)),
      last_(llama_sampler_chain_get(chain_.get(), llama_sampler_chain_n(chain_.get()) - 1)), random_(llama_sampler_get_seed(last_)) {
    number_ = uniform_(random_);
}

Output Draw::enough(size_t vocabulary) const {
    if (vocabulary <= BEST_COUNT || top_k_ >= BEST_COUNT) return Output::LOGITS;
    return cuts() ? Output::BEST : Output::SHARES;
}

void Draw::take_all(const float * logits, size_t vocabulary) {
    candidates_.clear();
    for (size_t id = 0; id < vocabulary; ++id) {
        if (logits[id] > -INFINITY) candidates_.push_back({llama_token(id), logits[id], 0.0f});
    }
}

void Draw::sort_candidates() {
    const auto before = [](const auto & a, const auto & b) { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; };
    std::sort(candidates_.begin(), candidates_.end(), before);
}

llama_token Draw::finish(const llama_token_data_array & array) {
    if (array.selected < 0) throw Failure(Cause::COMPUTING, "no token can come next");
    number_ = uniform_(random_);
    return array.data[array.selected].id;
}

llama_token Draw::from_all(const float * logits, size_t vocabulary) {
    take_all(logits, vocabulary);
    llama_token_data_array array{candidates_.data(), candidates_.size(), -1, false};
    llama_sampler_apply(chain_.get(), &array);
    return finish(array);
}

// What llama.cpp's cuts leave, in the order that those of from_best have.
llama_token Draw::from_row(const std::vector<float> & logits) {
    if (!cuts()) return from_all(logits.data(), logits.size());
    take_all(logits.data(), logits.size());
    llama_token_data_array array{candidates_.data(), candidates_.size(), -1, false};
    for (int i = 0; i + 1 < llama_sampler_chain_n(chain_.get()); ++i) llama_sampler_apply(llama_sampler_chain_get(chain_.get(), i), &array);
    candidates_.resize(array.size);
    sort_candidates();
    // Of those that are equal to the last one the first of the vocabulary stay.
    const float last  = candidates_.back().logit;
    auto        equal = std::find_if(candidates_.begin(), candidates_.end(), [&](const auto & one) { return one.logit == last; });
    for (size_t id = 0; equal != candidates_.end(); ++id) {
        if (logits[id] / temperature_ == last) (equal++)->id = llama_token(id);
    }
    array = {candidates_.data(), candidates_.size(), -1, true};
    llama_sampler_apply(last_, &array);
    return finish(array);
}

std::optional<llama_token> Draw::from_best(const llama_token * tokens, const float * logits, const float * probabilities, size_t count) {
    candidates_.clear();
    for (size_t i = 0; i < count; ++i) candidates_.push_back({tokens[i], logits[i] / temperature_, 0.0f});
    sort_candidates();
    if (top_k_ > 0) {
        if (size_t(top_k_) >= count || !(candidates_[size_t(top_k_) - 1].logit > candidates_.back().logit)) return std::nullopt;
        candidates_.resize(size_t(top_k_));
    }
    llama_token_data_array array{candidates_.data(), candidates_.size(), -1, true};
    if (top_k_ == 0) {
        const auto kept = nucleus(probabilities, count);
        // Who equals the last one may be missing here.
        if (!kept || !(candidates_[*kept - 1].logit > candidates_.back().logit)) return std::nullopt;
        array.size = *kept;
    } else if (top_p_ < 1.0f) {
        llama_sampler_apply(llama_sampler_chain_get(chain_.get(), 2), &array);
    }
    llama_sampler_apply(last_, &array);
    return finish(array);
}

// How many of the candidates, the most probable first, hold top_p together.
std::optional<size_t> Draw::nucleus(const float * probabilities, size_t count) const {
    const auto exponential = [this](size_t i) { return double(std::exp(candidates_[i].logit - candidates_[0].logit)); };
    double     known = 0.0, sum = 0.0;
    for (size_t i = 0; i < count; ++i) known += exponential(i);
    const double all = known / std::accumulate(probabilities, probabilities + count, 0.0);
    for (size_t i = 0; i < count; ++i) {
        sum += exponential(i) / all;
        if (sum >= top_p_ * (1 + LONG_SUM)) return i + 1;
        if (sum >= top_p_ * (1 - LONG_SUM)) break;
    }
    return std::nullopt;
}

std::optional<llama_token> Draw::from_shares(const float * shares, size_t vocabulary, const Part & part) {
    const size_t blocks = (vocabulary + SHARE_BLOCK - 1) / SHARE_BLOCK;
    const double target = number_ * std::accumulate(shares, shares + blocks, 0.0);
    double       before = 0.0;
    size_t       block  = 0;
    while (block < blocks && before + shares[block] < target) before += shares[block++];
    if (block == blocks || shares[block] < 2 * SUMS) return std::nullopt;

    const size_t             first   = block * SHARE_BLOCK;
    const std::vector<float> logits  = part(first, std::min<size_t>(SHARE_BLOCK, vocabulary - first));
    const float              largest = *std::max_element(logits.begin(), logits.end()) / temperature_;
    std::vector<double>      exponentials;
    for (float logit : logits) exponentials.push_back(std::exp(logit / temperature_ - largest));
    const double all = std::accumulate(exponentials.begin(), exponentials.end(), 0.0) / shares[block];
    for (size_t i = 0; i < logits.size(); ++i) {
        const double end = before + exponentials[i] / all;
        if (end >= target) {
            if (target - before < SUMS || end - target < SUMS) return std::nullopt;
            candidates_.assign(1, {llama_token(first + i), logits[i], 0.0f}); // of one llama.cpp draws, too: it stays in step
            llama_token_data_array array{candidates_.data(), 1, -1, true};
            llama_sampler_apply(last_, &array);
            return finish(array);
        }
        before = end;
    }
    return std::nullopt;
}

} // namespace paligemma
