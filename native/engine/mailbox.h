// What other threads say to the engine's: requests, aborts, the end.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <vector>

#include "engine/request.h"

namespace paligemma {

using Clock = std::chrono::steady_clock;

class Mailbox {
public:
    struct Letter {
        Request           request;
        Clock::time_point posted;
    };
    struct Mail {
        std::vector<Letter>   letters;
        std::vector<uint32_t> aborted; // may name requests that have ended
    };

    // ---- for all threads

    void post(Request request);
    void abort(uint32_t id);
    void stop();
    bool stopping() const { return stopping_; }
    void wake(); // there is something for the engine's thread beside mail

    // ---- for the engine's thread

    // Waits for mail or for being woken, unless there is work already. False: the engine is to end.
    bool wait(bool has_work);

    // All that has come since. Requests and aborts at once: a request that is given up comes before its abort, or with it.
    Mail                collect();
    std::vector<Letter> collect_requests();

    // Around a computation: it is to be left when all requests that it is for are aborted, and when the engine is to end.
    void begin(std::vector<uint32_t> ids);
    bool interrupted() const { return interrupt_; } // asked by ggml between the nodes of a graph, on its threads
    void end();

private:
    bool nobody_waits() const;

    std::mutex              mutex_;
    std::condition_variable wake_;
    std::vector<Letter>     letters_;
    std::set<uint32_t>      aborted_;
    std::vector<uint32_t>   computing_; // requests that the running computation is for
    bool                    woken_ = false;
    std::atomic<bool>       stopping_{false};
    std::atomic<bool>       interrupt_{false};
};

} // namespace paligemma
