// Requests on their way through the engine.
#pragma once

#include <chrono>

#include "engine/engine.h"
#include "model/answer.h"
#include "model/batch.h"
#include "model/beam_search.h"

namespace paligemma {

using Clock = std::chrono::steady_clock;

inline double milliseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Engine::Ready {
    Request            request;
    Prefix             prefix;
    std::vector<float> features{}; // of all its images
    Timings            timings{};
    size_t             remembered_images = 0;
    int                sequence          = -1; // that it is computed in
    int32_t            row               = -1; // of the result of its last position
};

struct Engine::Slot {
    Request           request;
    Sampler           sampler;
    Answer            answer;
    Timings           timings;
    Clock::time_point decode_start;
    int               sequence;
    size_t            image_tokens, prompt_tokens, remembered_images;
    int32_t           row; // of the result of its last token

    // Of the token that comes next.
    size_t position() const { return image_tokens + prompt_tokens + answer.tokens().size(); }
};

struct Engine::Search {
    Ready                       ready;
    Clock::time_point           started;
    std::unique_ptr<BeamSearch> beams;
};

struct Engine::Masking {
    Request            request;
    std::vector<float> values{};
    size_t             decoded = 0;
};

// Only who chooses by more than the largest logit needs them all.
inline Output output_for(const Request & request) {
    const bool greedy = request.kind == Request::GENERATE && request.sampling.temperature <= 0.0f && !request.sampling.logprobs &&
                        !request.constraint && !request.forced;
    return greedy ? Output::TOKEN : Output::LOGITS;
}

template <typename Item> std::vector<uint32_t> ids_of(const std::vector<Item *> & items) {
    std::vector<uint32_t> ids;
    for (const Item * item : items) ids.push_back(item->request.id);
    return ids;
}

// Computes for all items at once, then takes each one's result. What fails together is computed for either half again: what one
// request causes is its own, and half of them need less memory.
template <typename Item, typename Work, typename Then>
void Engine::together(const std::vector<Item *> & items, Work && work, Then && then) {
    if (items.empty()) return;
    switch (compute(ids_of(items), [&] { work(items); })) {
        case Outcome::DONE:
            for (Item * item : items) compute({item->request.id}, [&] { then(*item); });
            break;
        case Outcome::FAILED_TOGETHER: {
            const auto middle = items.begin() + long(items.size() / 2);
            together(std::vector<Item *>(items.begin(), middle), work, then);
            together(std::vector<Item *>(middle, items.end()), work, then);
            break;
        }
        case Outcome::ENDED: break;
    }
}

// The last event of a request, unless it has had one.
template <typename Answer> void Engine::answer(Answer event) {
    const auto open = open_.find(event.id);
    if (open == open_.end()) return;
    sink_(std::move(event));
    open_.erase(open); // not before: what cannot be told has not been answered
    if constexpr (!std::is_same_v<Answer, Failed>) most_ = std::min(most_ + 1, slots_.size()); // there may be memory again
}

} // namespace paligemma
