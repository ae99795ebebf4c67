// Owns the model, the vision tower and their contexts, and computes what the scheduler decides.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/costs.h"
#include "engine/feature_cache.h"
#include "engine/mailbox.h"
#include "engine/options.h"
#include "engine/request.h"
#include "engine/scheduler.h"
#include "engine/vision_worker.h"
#include "model/mask_decoder.h"
#include "model/model.h"
#include "model/vision.h"

namespace paligemma {

class Runner {
public:
    // Loads the model. `mailbox` must outlive the runner. Throws std::runtime_error with the reason when it does not load.
    Runner(const EngineOptions & options, Mailbox & mailbox, std::function<void(Event)> sink);
    ~Runner();

    Loaded loaded() const;

    // Turns, one after another, until the engine is to end.
    void serve();

private:
    struct Task; // a request on its way

    // ---- the parts of a turn
    void take_seen();
    void take_mail();
    void take_up();
    void start();
    void step();
    void search_on();
    void mask_on();

    // ---- what is computed in them
    void receive(std::vector<Mailbox::Letter> letters);
    void read(Task & task);
    size_t recall(Task & task);
    void keep(Task & task, std::vector<Features>::const_iterator & encoded, double milliseconds);
    void see(const std::vector<Task *> & tasks);
    void hand_over(const std::vector<uint32_t> & ids);
    void seen(Task & task);
    void prefill(const std::vector<Task *> & tasks, size_t tokens);
    void place(Task & task);
    void trace(Task & task);
    void advance(const std::vector<Task *> & tasks);
    void accept(Task & task);
    void send_text(Task & task);
    void finish(Task & task, bool stopped);
    void begin_search(Task & task);
    void finish_search(Task & task);

    // ---- the one boundary: what fails in a turn ends the requests that it was computed for, each told why, and nothing else
    enum class Outcome { DONE, ENDED, FAILED_TOGETHER };
    Outcome compute(const std::vector<uint32_t> & ids, const std::function<void()> & work);
    template <typename Work, typename Then> void together(const std::vector<uint32_t> & ids, Work && work, Then && then);
    void fail(const std::vector<uint32_t> & ids, const std::exception & error);
    void drop(uint32_t id);
    template <typename Ending> void answer(Ending event);

    size_t limit() const { return size_t(options_.context.tokens); } // tokens of one sequence

    const EngineOptions              options_;
    Mailbox                        & mailbox_;
    const std::function<void(Event)> sink_;

    Threads                      threads_;
    const ggml_backend_dev_t     card_;   // null: the processor
    const bool                   beside_; // pictures have a thread of their own
    std::atomic<bool>            leave_vision_{false};
    std::unique_ptr<Threads>     vision_threads_; // null: the same
    Model                        model_;
    llama_context_ptr            context_;
    Vision                       vision_;
    std::unique_ptr<MaskDecoder> mask_decoder_; // null: the model has none
    FeatureCache                 remembered_;
    Scheduler                    scheduler_;
    TimeLine                     vision_times_, prefix_times_, step_times_;
    std::map<uint32_t, Task>      tasks_;         // received and not answered
    std::unique_ptr<VisionWorker> vision_worker_; // null: pictures are encoded in a turn. The last: it uses the tower and the mailbox
};

} // namespace paligemma
