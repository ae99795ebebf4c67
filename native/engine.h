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
#include <vector>

#include "feature_cache.h"
#include "prefix.h"
#include "request.h"

namespace paligemma {

struct EngineOptions {
    std::string    text_path;
    std::string    vision_path;
    std::string    device; // ggml's name of a graphics card; empty: the processor
    int            threads;
    ContextOptions context;
    size_t         vision_batch_tokens; // images are encoded together as far as they have this many
    llama_token    image_token;
    size_t         feature_cache_bytes;
    bool           map_weights; // use the file's pages as they are, shared with other processes
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
    struct Ready; // a request with its prefix, waiting for a sequence
    struct Slot;  // a sequence being generated

    void run();
    void serve();
    bool wait_for_work();

    // Each turn of the loop takes some waiting requests up, starts sequences of one length, and computes a token for every
    // running one: who runs waits for at most one batch of newcomers, and who waits is taken in order.
    void prepare();
    void start();
    void step();

    std::optional<Ready> take();
    void see(std::vector<Ready> & requests);
    std::vector<Ready> next_group();
    void place(Ready & ready, int sequence, int32_t row);
    void search(Ready & ready);
    void trace(Ready & ready, const float * logits);
    void accept(Slot & slot, int32_t row);
    void send_text(Slot & slot);
    void finish(Slot & slot, bool stopped);
    void drop_aborted();
    bool nobody_waits() const;
    std::vector<int> free_sequences() const;
    template <typename Work> bool compute(std::vector<uint32_t> ids, Work && work);
    size_t limit() const { return size_t(options_.context.tokens); } // tokens of one sequence
    std::vector<std::vector<Logprob>> describe(const std::vector<TokenLogprob> & logprobs) const;

    EngineOptions              options_;
    std::function<void(Event)> sink_;

    std::unique_ptr<Threads>           threads_;
    std::unique_ptr<Model>             model_;
    llama_context_ptr                  context_;
    std::unique_ptr<Vision>            vision_;
    std::unique_ptr<MaskDecoder>       mask_decoder_; // null: the model has none
    std::unique_ptr<FeatureCache>      remembered_;
    std::deque<Ready>                  ready_;
    std::vector<std::unique_ptr<Slot>> slots_; // index: sequence id; null: free

    std::mutex                                                                mutex_;
    std::condition_variable                                                   wake_;
    std::deque<std::pair<Request, std::chrono::steady_clock::time_point>>     queue_;
    std::set<uint32_t>                                                        aborted_;
    std::atomic<bool>                                                         stopping_{false};
    std::vector<uint32_t>                                                     computing_; // requests that the running computation is for
    std::atomic<bool>                                                         interrupt_{false}; // leave the running computation
    std::thread                                                               thread_;
};

} // namespace paligemma
