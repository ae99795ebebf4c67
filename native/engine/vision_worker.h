// Pictures on a thread of their own, and by that on a stream of the card of their own: beside prefixes and tokens, which leave much of
// a card idle.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "model/vision.h"

namespace paligemma {

// One batch at a time. All but `ready` is for the engine's thread, which uses the vision tower itself while no batch is under way.
class VisionWorker {
public:
    struct Part {
        uint32_t              id;       // of a request
        std::vector<Pixels>   images;   // here until they are encoded: the request may be gone before
        std::vector<Features> features; // of each, unless all failed
    };
    struct Batch {
        std::vector<Part>  parts;
        std::exception_ptr failure{};
        double             milliseconds = 0;
    };

    // `interrupt` is what the tower's threads ask. `ready` is called on the worker's thread when a batch is done.
    VisionWorker(Vision & vision, std::atomic<bool> & interrupt, std::function<void()> ready);
    ~VisionWorker(); // ends what is under way

    void                 post(Batch batch);  // when none is under way
    std::optional<Batch> take();             // the one that was posted, when it is done
    void                 leave(uint32_t id); // this request is given up; when all are, the batch is interrupted

private:
    void run();
    void encode(Batch & batch);

    Vision &                    vision_;
    std::atomic<bool> &         interrupt_;
    const std::function<void()> ready_;
    std::mutex                  mutex_;
    std::condition_variable     wake_;
    std::optional<Batch>        posted_, done_;
    std::set<uint32_t>          wanted_; // requests of the batch that have not been given up
    bool                        ending_ = false;
    std::thread                 thread_; // the last: it uses all the others
};

} // namespace paligemma
