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

#include "engine/feature_cache.h"
#include "engine/request.h"
#include "model/prefix.h"

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
    struct Ready;   // a request with its prefix, waiting for a sequence
    struct Slot;    // a sequence being generated
    struct Search;  // a beam search under way
    struct Masking; // masks being decoded

    void run();
    void serve();
    bool wait_for_work();

    // Each turn of the loop takes some waiting requests up, starts sequences of one length, and computes a token for every
    // running one, a step of a beam search and a mask: who runs waits for at most one batch of newcomers, and who waits is taken in
    // order.
    void prepare();
    void start();
    void step();
    void search_on();
    void mask_on();

    std::optional<Request> take(double & waited);
    void open(Request request, double waited, std::vector<Ready> & taken);
    void see(const std::vector<Ready *> & requests);
    void seen(Ready & ready);
    std::vector<Ready> next_group();
    void prefill(const std::vector<Ready *> & group);
    void place(Ready & ready);
    void trace(Ready & ready, const float * logits);
    void advance(const std::vector<Slot *> & slots);
    void accept(Slot & slot);
    void send_text(Slot & slot);
    void finish(Slot & slot, bool stopped);
    void begin_search(Ready & ready);
    void finish_search();
    void drop_aborted();
    bool nobody_waits() const;
    std::vector<int> free_sequences() const;
    std::vector<Slot *> running() const;
    size_t limit() const { return size_t(options_.context.tokens); } // tokens of one sequence
    std::vector<std::vector<Logprob>> describe(const std::vector<TokenLogprob> & logprobs) const;

    // The one boundary: what fails in a turn ends the requests that it was computed for, each told why, and nothing else.
    enum class Outcome { DONE, ENDED, FAILED_TOGETHER };
    Outcome compute(const std::vector<uint32_t> & ids, const std::function<void()> & work);
    template <typename Item, typename Work, typename Then> void together(const std::vector<Item *> & items, Work && work, Then && then);
    void fail(const std::vector<uint32_t> & ids, const std::exception & error);
    void drop(const std::vector<uint32_t> & ids);
    template <typename Answer> void answer(Answer event);

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
    std::unique_ptr<Search>            search_; // null: none
    std::deque<Masking>                masking_;
    std::set<uint32_t>                 open_;   // requests taken and not answered
    std::set<int>                      soiled_; // sequences whose cells may hold NaN, which masks do not keep from others
    size_t                             most_;   // sequences computed together, as memory has allowed

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
