// What the engine is asked and what it answers.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/failure.h"
#include "model/choice.h"
#include "model/mask_decoder.h"
#include "model/model.h"
#include "model/vision.h"

namespace paligemma {

struct Request {
    enum Kind { GENERATE, ENCODE, TRACE, MASKS };

    uint32_t                 id;
    Kind                     kind = GENERATE;
    std::string              prompt;
    std::vector<Pixels>      images;
    int                      max_tokens = 0;
    Choice                   choice;
    std::vector<std::string> stops;
    bool                     with_marks = true;  // locations and mask codes become text
    bool                     stream     = false; // send text as it comes
    std::vector<MaskCodes>   masks;
};

// Milliseconds. What is computed for several requests together counts for each of them.
struct Timings {
    double queue = 0, vision = 0, prefill = 0, decode = 0;
};

// ---- events

struct Loaded {
    int          image_size, image_tokens, width, vocabulary;
    ContextBytes bytes;
    bool         mask_decoder;
};
struct LoadFailed { std::string reason; };
struct Progress { float done; };
struct Text { uint32_t id; std::string text; };
struct Logprob {
    llama_token token;
    std::string text;
    float       logprob;
    float       near; // see TokenLogprob
};
struct Done {
    uint32_t                          id;
    std::string                       text;
    std::vector<llama_token>          tokens;
    bool                              stopped; // by <eos> or a stop string, not by a limit
    size_t                            image_tokens, prompt_tokens;
    size_t                            remembered_images; // whose features were known
    Timings                           timings;
    std::vector<std::vector<Logprob>> logprobs; // a token: itself, then the most probable ones
    float                             beam_score;
};
struct Encoded { uint32_t id; std::vector<float> features; Timings timings; };
struct Traced {
    uint32_t                 id;
    std::vector<llama_token> ids;
    std::vector<float>       pixels, features, logits;
};
struct Masks { uint32_t id; std::vector<float> values; }; // empty: the model has no mask decoder
struct TooLong { uint32_t id; size_t tokens, limit; };
struct Failed { uint32_t id; std::string reason; Cause cause; };
struct Closed {}; // the last event: the thread is about to end
using Event = std::variant<Loaded, LoadFailed, Progress, Text, Done, Encoded, Traced, Masks, TooLong, Failed, Closed>;

// Whether an event belongs to a request.
template <typename Event, typename = void> inline constexpr bool has_id = false;
template <typename Event> inline constexpr bool has_id<Event, std::void_t<decltype(std::declval<Event>().id)>> = true;

} // namespace paligemma
