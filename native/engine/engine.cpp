// The engine's thread: what it owns, the queue in front of it, aborts and the end.
#include "engine/engine.h"

#include <algorithm>
#include <stdexcept>

#include "engine/engine_state.h"

namespace paligemma {

Engine::Engine(EngineOptions options, std::function<void(Event)> sink)
    : options_(std::move(options)), sink_(std::move(sink)), slots_(size_t(options_.context.max_sequences)), most_(slots_.size()) {
    thread_ = std::thread([this] { run(); });
}

Engine::~Engine() {
    stop();
    if (thread_.joinable()) thread_.join();
}

void Engine::submit(Request request) {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.emplace_back(std::move(request), Clock::now());
    wake_.notify_one();
}

void Engine::abort(uint32_t id) {
    std::lock_guard<std::mutex> lock(mutex_);
    aborted_.insert(id);
    if (nobody_waits()) interrupt_ = true;
    wake_.notify_one();
}

// Whether all requests that the running computation is for are aborted. Under the mutex.
bool Engine::nobody_waits() const {
    return !computing_.empty() && std::all_of(computing_.begin(), computing_.end(), [this](uint32_t id) { return aborted_.count(id) > 0; });
}

void Engine::stop() {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = interrupt_ = true;
    wake_.notify_one();
}

void Engine::run() {
    try {
        threads_ = std::make_unique<Threads>(options_.threads, [this] { return interrupt_.load(); });
        ggml_backend_dev_t card = find_card(options_.device);
        model_   = std::make_unique<Model>(options_.text_path, options_.map_weights, card, *threads_, [this](float done) { sink_(Progress{done}); return !stopping_; });
        context_ = model_->make_context(options_.context);
        vision_  = std::make_unique<Vision>(options_.vision_path, card, options_.vision_batch_tokens, *threads_);
        mask_decoder_ = MaskDecoder::load(options_.vision_path, *threads_);
        remembered_   = std::make_unique<FeatureCache>(options_.feature_cache_bytes);
        sink_(Loaded{vision_->image_size(), vision_->tokens(), model_->width(), model_->vocabulary(), context_bytes(context_.get()), mask_decoder_ != nullptr});
        serve();
    } catch (const std::exception & error) {
        sink_(LoadFailed{error.what()});
    }
    slots_.clear();
    ready_.clear();
    search_.reset();
    masking_.clear();
    remembered_.reset();
    mask_decoder_.reset();
    vision_.reset();
    context_.reset();
    model_.reset();
    threads_.reset();
    sink_(Closed{});
}

void Engine::serve() {
    while (wait_for_work()) {
        try {
            drop_aborted();
            prepare();
            start();
            step();
            search_on();
            mask_on();
        } catch (const std::exception & error) { // between two computations: no memory for the lists themselves
            fail({open_.begin(), open_.end()}, error);
        }
    }
}

bool Engine::wait_for_work() {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [this] {
        const bool running = std::any_of(slots_.begin(), slots_.end(), [](const auto & slot) { return slot != nullptr; });
        return stopping_ || running || search_ || !masking_.empty() || !ready_.empty() || !queue_.empty();
    });
    return !stopping_;
}

// Frees what the callers have given up, running or waiting, and forgets ids of requests that had already ended.
void Engine::drop_aborted() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (aborted_.empty()) return;
    drop({aborted_.begin(), aborted_.end()});
    queue_.erase(std::remove_if(queue_.begin(), queue_.end(), [this](const auto & item) { return aborted_.count(item.first.id) > 0; }), queue_.end());
    aborted_.clear();
}

// Runs `work` for these requests. It is interrupted when all of them are aborted. When it fails for one, that one is told; for
// several nothing is: see together().
Engine::Outcome Engine::compute(const std::vector<uint32_t> & ids, const std::function<void()> & work) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        computing_ = ids;
        interrupt_ = stopping_ || nobody_waits();
    }
    Outcome outcome = Outcome::ENDED;
    try {
        if (!interrupt_) work();
        if (!interrupt_) outcome = Outcome::DONE;
    } catch (const std::exception & error) {
        if (!interrupt_) {
            if (ids.size() > 1) {
                if (cause_of(error) == Cause::MEMORY) most_ = ids.size() / 2;
                outcome = Outcome::FAILED_TOGETHER;
            } else {
                fail(ids, error);
            }
        }
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    computing_.clear();
    interrupt_ = stopping_.load();
    return stopping_ ? Outcome::ENDED : outcome;
}

void Engine::fail(const std::vector<uint32_t> & ids, const std::exception & error) {
    for (uint32_t id : ids) {
        if (cause_of(error) == Cause::NUMBERS) {
            for (const auto & slot : slots_) {
                if (slot && slot->request.id == id) soiled_.insert(slot->sequence);
            }
        }
        answer(Failed{id, error.what(), cause_of(error)});
    }
    drop(ids);
}

// Lets go of all that is held for these requests.
void Engine::drop(const std::vector<uint32_t> & ids) {
    const auto dropped = [&](const Request & request) { return std::find(ids.begin(), ids.end(), request.id) != ids.end(); };
    for (auto & slot : slots_) {
        if (slot && dropped(slot->request)) slot.reset();
    }
    if (search_ && dropped(search_->ready.request)) search_.reset();
    masking_.erase(std::remove_if(masking_.begin(), masking_.end(), [&](const Masking & one) { return dropped(one.request); }), masking_.end());
    ready_.erase(std::remove_if(ready_.begin(), ready_.end(), [&](const Ready & one) { return dropped(one.request); }), ready_.end());
    for (uint32_t id : ids) open_.erase(id);
}

} // namespace paligemma
