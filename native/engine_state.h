// Requests on their way through the engine.
#pragma once

#include <chrono>

#include "answer.h"
#include "engine.h"

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
};

struct Engine::Slot {
    Request           request;
    Sampler           sampler;
    Answer            answer;
    Timings           timings;
    Clock::time_point decode_start;
    int               sequence;
    size_t            image_tokens, prompt_tokens, remembered_images;

    // Of the token that comes next.
    size_t position() const { return image_tokens + prompt_tokens + answer.tokens().size(); }
};

} // namespace paligemma
