// One thread per model that owns every llama.cpp object: requests come in through a queue, events go out through a sink.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "model.h"
#include "sampler.h"
#include "vision.h"

namespace paligemma {

struct Request {
    uint32_t            id;
    std::string         prompt;
    std::vector<Pixels> images;
    int                 max_tokens = 0;
    Sampling            sampling;
    bool                stream = false; // send text as it comes
    enum Kind { GENERATE, ENCODE, TRACE } kind = GENERATE;
    double queue_ms = 0; // filled in by the engine
};

// Milliseconds.
struct Timings {
    double queue = 0, vision = 0, prefill = 0, decode = 0;
};

// ---- events

struct Loaded {
    int    image_size, image_tokens, width, vocabulary, context_tokens;
    size_t cache_bytes;
};
struct LoadFailed { std::string reason; };
struct Progress { float done; };
struct Text { uint32_t id; std::string text; };
struct Done {
    uint32_t                 id;
    std::string              text;
    std::vector<llama_token> tokens;
    bool                     stopped; // by <eos>, not by a limit
    size_t                   image_tokens, prompt_tokens;
    Timings                  timings;
};
struct Encoded { uint32_t id; std::vector<float> features; Timings timings; };
struct Traced {
    uint32_t                 id;
    std::vector<llama_token> ids;
    std::vector<float>       pixels, features, logits;
};
struct TooLong { uint32_t id; size_t tokens, limit; };
struct Failed { uint32_t id; std::string reason; };
struct Closed {}; // the last event: the thread is about to end
using Event = std::variant<Loaded, LoadFailed, Progress, Text, Done, Encoded, Traced, TooLong, Failed, Closed>;

struct EngineOptions {
    ModelOptions model;
    std::string  vision_path;
    int          threads;
    llama_token  image_token;
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
    void accept(Slot & slot, const float * logits);
    void stream(Slot & slot);
    void finish(Slot & slot, bool stopped);
    void drop_aborted();
    bool is_aborted(uint32_t id);
    const float * decode_prefix(int sequence, size_t tokens, const std::vector<float> & rows);

    EngineOptions              options_;
    std::function<void(Event)> sink_;

    std::unique_ptr<Threads>           threads_;
    std::unique_ptr<Model>             model_;
    std::unique_ptr<Vision>            vision_;
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
