// The turns, and the boundary around whatever is computed in them.
#include "engine/runner.h"

#include <stdexcept>

#include "base/as_card.h"
#include "base/backends.h"
#include "engine/runner_task.h"

namespace paligemma {

Runner::Runner(const EngineOptions & options, Mailbox & mailbox, std::function<void(Event)> sink)
    : options_(options), mailbox_(mailbox), sink_(std::move(sink)),
      threads_(options.threads, [this] { return mailbox_.interrupted(); }),
      card_(find_card(options.device)), beside_(as_on_card("vision", card_ != nullptr)),
      vision_threads_(beside_ ? std::make_unique<Threads>(options.threads, [this] { return leave_vision_ || mailbox_.stopping(); }) : nullptr),
      model_(options.text_path, options.map_weights, card_, threads_,
             [this](float done) {
                 sink_(Progress{done});
                 return !mailbox_.stopping();
             }),
      context_(model_.make_context(options.context)),
      vision_(options.vision_path, card_, options.vision_batch_tokens, vision_threads_ ? *vision_threads_ : threads_),
      mask_decoder_(MaskDecoder::load(options.vision_path, threads_)),
      remembered_(options.feature_cache_bytes),
      scheduler_({size_t(options.context.max_sequences), options.vision_batch_tokens, llama_n_ubatch(context_.get()),
                  beside_ ? options.vision_batch_tokens / size_t(vision_.tokens()) : 0}),
      vision_worker_(beside_ ? std::make_unique<VisionWorker>(vision_, leave_vision_, [this] { mailbox_.wake(); }) : nullptr) {}

Runner::~Runner() = default;

Loaded Runner::loaded() const {
    return {vision_.image_size(), vision_.tokens(), model_.width(), model_.vocabulary(), context_bytes(context_.get()),
            mask_decoder_ != nullptr};
}

void Runner::serve() {
    while (mailbox_.wait(scheduler_.has_work())) {
        try {
            take_seen();
            scheduler_.begin_turn();
            take_mail();
            take_up();
            start();
            step();
            search_on();
            mask_on();
        } catch (const std::exception & error) { // between two computations: no memory for the lists themselves
            fail(scheduler_.admitted(), error);
        }
    }
}

// Lets go of what the callers have given up, whether it was computed for or waited.
void Runner::take_mail() {
    Mailbox::Mail mail = mailbox_.collect();
    receive(std::move(mail.letters));
    for (uint32_t id : mail.aborted) drop(id);
}

void Runner::receive(std::vector<Mailbox::Letter> letters) {
    for (auto & [request, posted] : letters) {
        const uint32_t id = request.id;
        const bool     beams = request.kind == Request::GENERATE && std::holds_alternative<Beams>(request.choice);
        const auto     kind  = request.kind == Request::MASKS    ? Scheduler::Kind::MASKS
                               : request.kind == Request::ENCODE ? Scheduler::Kind::FEATURES
                               : beams                           ? Scheduler::Kind::BEAMS
                                                                 : Scheduler::Kind::SEQUENCE;
        const size_t image_tokens = request.images.size() * size_t(vision_.tokens());
        try {
            Answer text(request.with_marks, request.stops);
            tasks_.emplace(id, Task{std::move(request), posted, std::move(text)});
            scheduler_.add(id, kind, image_tokens);
        } catch (const std::exception & error) { // no memory for the lists: the others are received nevertheless
            drop(id);
            sink_(Failed{id, error.what(), cause_of(error)});
        }
    }
}

// Runs `work` for these requests. It is interrupted when all of them are aborted. When it fails for one, that one is told; for
// several nothing is: see together().
Runner::Outcome Runner::compute(const std::vector<uint32_t> & ids, const std::function<void()> & work) {
    mailbox_.begin(ids);
    Outcome outcome = Outcome::ENDED;
    try {
        if (!mailbox_.interrupted()) work();
        if (!mailbox_.interrupted()) outcome = Outcome::DONE;
    } catch (const std::exception & error) {
        if (!mailbox_.interrupted()) {
            if (ids.size() > 1) {
                if (cause_of(error) == Cause::MEMORY) scheduler_.short_of_memory(ids.size());
                outcome = Outcome::FAILED_TOGETHER;
            } else {
                fail(ids, error);
            }
        }
    }
    mailbox_.end();
    return mailbox_.stopping() ? Outcome::ENDED : outcome;
}

void Runner::fail(const std::vector<uint32_t> & ids, const std::exception & error) {
    for (uint32_t id : ids) {
        if (cause_of(error) == Cause::NUMBERS) scheduler_.soil(id);
        answer(Failed{id, error.what(), cause_of(error)});
    }
}

// Lets go of all that is held for a request.
void Runner::drop(uint32_t id) {
    if (vision_worker_) vision_worker_->leave(id);
    scheduler_.drop(id);
    tasks_.erase(id);
}

} // namespace paligemma
