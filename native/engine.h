// One thread per model that owns every llama.cpp object: requests come in through a queue, events go out through a sink.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "mask_decoder.h"
#include "model.h"
#include "prefix.h"
#include "sampler.h"
#include "vision.h"

namespace paligemma {

struct Request {
    enum Kind { GENERATE, ENCODE, TRACE, MASKS };

    // What detection and segmentation may answer with.
    struct Labels {
        std::vector<std::string> labels;
        bool                     segment;
    };

    uint32_t                   id;
    Kind                       kind = GENERATE;
    std::string                prompt;
    std::vector<Pixels>        images;
    int                        max_tokens = 0;
    Sampling                   sampling;
    std::vector<std::string>   stops;
    std::optional<std::string> forced;         // an answer to score instead of finding one
    std::optional<Labels>      constraint;
    int                        beams          = 1;
    float                      length_penalty = 1.0f;
    bool                       with_marks     = true;  // locations and mask codes become text
    bool                       stream         = false; // send text as it comes
    std::vector<MaskCodes>     masks;
    double                     queue_ms = 0; // filled in by the engine
};

// Milliseconds.
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
struct Failed { uint32_t id; std::string reason; };
struct Closed {}; // the last event: the thread is about to end
using Event = std::variant<Loaded, LoadFailed, Progress, Text, Done, Encoded, Traced, Masks, TooLong, Failed, Closed>;

struct EngineOptions {
    std::string    text_path;
    std::string    vision_path;
    int            threads;
    ContextOptions context;
    llama_token    image_token;
};

class Engine {
public:
    // Starts the thread, which loads the model and answers with Loaded or LoadFailed. `sink` is called on that thread.
    Engine(EngineOptions options, std::function<void(Event)> sink);
    ~Engine(); // stops and waits

    void submit(Request request);
    void abort(uint32_t id); // no further event for this request comes, or only such as are under way
    void stop();             // ends within a step, dropping what is unfinished; answers with Closed

private:
    struct Slot; // a sequence being generated

    void run();
    void serve();
    bool wait_for_work();
    void admit();
    void start(Request request);
    void step();
    void search(Request request, const Prefix & prefix, const std::vector<float> & rows, Timings timings);
    void accept(Slot & slot, const float * logits);
    void send_text(Slot & slot);
    void finish(Slot & slot, bool stopped);
    void drop_aborted();
    bool is_aborted(uint32_t id);
    size_t limit() const { return size_t(options_.context.tokens); } // tokens of one sequence
    std::vector<std::vector<Logprob>> describe(const std::vector<TokenLogprob> & logprobs) const;

    EngineOptions              options_;
    std::function<void(Event)> sink_;

    std::unique_ptr<Threads>           threads_;
    std::unique_ptr<Model>             model_;
    llama_context_ptr                  context_;
    std::unique_ptr<Vision>            vision_;
    std::unique_ptr<MaskDecoder>       mask_decoder_; // null: the model has none
    std::vector<std::unique_ptr<Slot>> slots_; // index: sequence id; null: free

    std::mutex                                                                mutex_;
    std::condition_variable                                                   wake_;
    std::deque<std::pair<Request, std::chrono::steady_clock::time_point>>     queue_;
    std::set<uint32_t>                                                        aborted_;
    std::atomic<bool>                                                         stopping_{false};
    std::atomic<bool>                                                         interrupt_{false}; // leave the running computation
    std::atomic<uint32_t>                                                     prefilling_{0};    // request whose prefix is computed
    std::thread                                                               thread_;
};

} // namespace paligemma
