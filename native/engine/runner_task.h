// Requests on their way through the runner.
#pragma once

#include "engine/runner.h"
#include "model/answer.h"
#include "model/batch.h"
#include "model/beam_search.h"
#include "model/prefix.h"
#include "model/sampler.h"

namespace paligemma {

inline double milliseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Runner::Task {
    Request                     request;
    Clock::time_point           posted;
    Answer                      answer;
    std::unique_ptr<Sampler>    sampler{};  // null: no tokens are sampled
    Prefix                      prefix{};
    std::vector<Features>       features{}; // of all its pictures, until its prefix is computed
    size_t                      remembered_images = 0;
    int32_t                     row               = -1; // of the result of its last token
    std::unique_ptr<BeamSearch> search{};   // null: not begun
    std::vector<float>          masks{};
    size_t                      masks_decoded = 0;
    Clock::time_point           decode_start{};
    Timings                     timings{};

    Output output() const { return sampler ? sampler->output() : Output::LOGITS; }

    // In its own row, the last one of the batch.
    void choose(Batch & batch) const {
        if (output() == Output::CHOICES) batch.choose(sampler->choices());
        if (output() == Output::BEST || output() == Output::SHARES) batch.draw(sampler->temperature());
    }

    std::vector<float> feature_values() const {
        std::vector<float> all;
        for (const Features & image : features) {
            const auto values = image->values();
            all.insert(all.end(), values.begin(), values.end());
        }
        return all;
    }

    // Of the token that comes next.
    size_t position() const { return prefix.ids.size() + answer.tokens().size(); }

    Done done(bool stopped, std::vector<std::vector<Logprob>> logprobs, float beam_score) const {
        return {request.id, answer.text(), answer.tokens(), stopped, prefix.image_tokens, prefix.ids.size() - prefix.image_tokens,
                remembered_images, timings, std::move(logprobs), beam_score};
    }
};

// Computes for all of them at once, then takes each one's result. What fails together is computed for either half again: what one
// request causes is its own, and half of them need less memory.
template <typename Work, typename Then> void Runner::together(const std::vector<uint32_t> & ids, Work && work, Then && then) {
    if (ids.empty()) return;
    const auto work_on_all = [&] {
        std::vector<Task *> tasks;
        for (uint32_t id : ids) tasks.push_back(&tasks_.at(id));
        work(tasks);
    };
    switch (compute(ids, work_on_all)) {
        case Outcome::DONE:
            for (uint32_t id : ids) compute({id}, [&] { then(tasks_.at(id)); });
            break;
        case Outcome::FAILED_TOGETHER: {
            const auto middle = ids.begin() + long(ids.size() / 2);
            together(std::vector<uint32_t>(ids.begin(), middle), work, then);
            together(std::vector<uint32_t>(middle, ids.end()), work, then);
            break;
        }
        case Outcome::ENDED: break;
    }
}

// The last event of a request, unless it has had one. Its task is gone then.
template <typename Ending> void Runner::answer(Ending event) {
    const uint32_t id = event.id;
    if (tasks_.count(id) == 0) return;
    sink_(std::move(event));
    tasks_.erase(id); // not before: what cannot be told has not been answered
    if constexpr (std::is_same_v<Ending, Failed>) {
        scheduler_.drop(id);
    } else {
        scheduler_.answered(id);
    }
}

} // namespace paligemma
