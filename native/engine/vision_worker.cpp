#include "engine/vision_worker.h"

#include <chrono>
#include <utility>

namespace paligemma {

VisionWorker::VisionWorker(Vision & vision, std::atomic<bool> & interrupt, std::function<void()> ready)
    : vision_(vision), interrupt_(interrupt), ready_(std::move(ready)), thread_([this] { run(); }) {}

VisionWorker::~VisionWorker() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        ending_ = interrupt_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void VisionWorker::post(Batch batch) {
    std::set<uint32_t> wanted;
    for (const Part & part : batch.parts) wanted.insert(part.id);
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        wanted_    = std::move(wanted);
        posted_    = std::move(batch);
        interrupt_ = false;
    }
    wake_.notify_one();
}

std::optional<VisionWorker::Batch> VisionWorker::take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (done_) interrupt_ = false; // for the engine's thread, should it encode again what failed
    return std::exchange(done_, std::nullopt);
}

void VisionWorker::leave(uint32_t id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (wanted_.erase(id) > 0 && wanted_.empty()) interrupt_ = true;
}

void VisionWorker::run() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
        wake_.wait(lock, [this] { return ending_ || posted_; });
        if (ending_) return;
        Batch batch = std::move(*posted_);
        posted_.reset();
        lock.unlock();
        encode(batch);
        lock.lock();
        wanted_.clear();
        done_ = std::move(batch);
        lock.unlock();
        ready_();
        lock.lock();
    }
}

// Nothing is thrown here: what goes wrong is the engine's thread's to judge.
void VisionWorker::encode(Batch & batch) {
    using Clock        = std::chrono::steady_clock;
    const auto started = Clock::now();
    try {
        std::vector<const Pixels *> images;
        for (const Part & part : batch.parts) {
            for (const Pixels & image : part.images) images.push_back(&image);
        }
        const std::vector<Features> encoded = vision_.encode(images);

        auto next = encoded.begin();
        for (Part & part : batch.parts) {
            part.features.assign(next, next + long(part.images.size()));
            next += long(part.images.size());
        }
    } catch (...) {
        batch.failure = std::current_exception();
    }
    batch.milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - started).count();
}

} // namespace paligemma
