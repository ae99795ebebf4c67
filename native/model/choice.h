// How the tokens of an answer are chosen: said once, with the request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace paligemma {

// The most probable token each time. Nobody asks for more, so the logits stay where they are.
struct MostProbable {};

// What detection and segmentation may answer with.
struct Labels {
    std::vector<std::string> labels;
    bool                     segment;
};

// From all logits.
struct Sampled {
    float                 temperature = 0.0f; // 0: the largest
    int                   top_k       = 0;    // 0: all
    float                 top_p       = 1.0f;
    uint32_t              seed        = 0;
    std::optional<Labels> labels{};
    std::optional<int>    logprobs{}; // so many alternatives beside each token's own probability
};

// An answer to score instead of finding one.
struct Forced {
    std::string        answer;
    std::optional<int> logprobs{};
};

struct Beams {
    int   count;
    float length_penalty = 1.0f;
};

using Choice = std::variant<MostProbable, Sampled, Forced, Beams>;

} // namespace paligemma
