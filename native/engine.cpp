// The engine's thread: what it owns, the queue in front of it, aborts and the end.
#include "engine.h"

#include <algorithm>
#include <stdexcept>

#include "engine_state.h"

namespace paligemma {

Engine::Engine(EngineOptions options, std::function<void(Event)> sink)
    : options_(std::move(options)), sink_(std::move(sink)), slots_(size_t(options_.context.max_sequences)) {
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
        drop_aborted();
        prepare();
        start();
        step();
    }
}

bool Engine::wait_for_work() {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [this] {
        const bool running = std::any_of(slots_.begin(), slots_.end(), [](const auto & slot) { return slot != nullptr; });
        return stopping_ || running || !ready_.empty() || !queue_.empty();
    });
    return !stopping_;
}

// Frees what the callers have given up, running or waiting, and forgets ids of requests that had already ended.
void Engine::drop_aborted() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (aborted_.empty()) return;
    for (auto & slot : slots_) {
        if (slot && aborted_.count(slot->request.id)) slot.reset();
    }
    const auto given_up = [this](const Ready & ready) { return aborted_.count(ready.request.id) > 0; };
    ready_.erase(std::remove_if(ready_.begin(), ready_.end(), given_up), ready_.end());
    queue_.erase(std::remove_if(queue_.begin(), queue_.end(), [this](const auto & item) { return aborted_.count(item.first.id) > 0; }), queue_.end());
    aborted_.clear();
}

} // namespace paligemma
