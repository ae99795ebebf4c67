// An engine with all that it was asked and has answered, to complain when the two do not fit.
#pragma once

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>

#include "engine/engine.h"

inline std::atomic<int> complaints{0};

inline void complain(const std::string & what) {
    ++complaints;
    std::fprintf(stderr, "engine-stress: %s\n", what.c_str());
}

// May be used by many threads at once, but for end().
class Watched {
public:
    explicit Watched(const paligemma::EngineOptions & options)
        : engine_(std::make_unique<paligemma::Engine>(options, [this](paligemma::Event event) { receive(std::move(event)); })) {}

    // Null when it ended before it was there.
    std::optional<paligemma::Loaded> loaded() {
        std::unique_lock<std::mutex> lock(mutex_);
        heard_.wait(lock, [this] { return loaded_ || closed_; });
        return loaded_;
    }

    uint32_t ask(paligemma::Request request) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            request.id = uint32_t(asked_.size() + 1);
            asked_[request.id];
        }
        const uint32_t id = request.id;
        engine_->submit(std::move(request));
        return id;
    }

    void abort(uint32_t id) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            asked_[id].aborted = true;
        }
        engine_->abort(id);
    }

    void stop() {
        stopping_ = true;
        engine_->stop();
    }

    // Waits until the engine is gone. Returns how many requests it left without an answer, those given up not counted.
    int end() {
        stopping_ = true;
        engine_.reset();
        if (!closed_) complain("an engine ended without saying so");
        int unanswered = 0;
        for (const auto & [id, asked] : asked_) unanswered += asked.ends == 0 && !asked.aborted;
        return unanswered;
    }

    struct End {
        paligemma::Event event;
        std::string      streamed;
    };
    // Nothing when the engine has ended before.
    std::optional<End> wait(uint32_t id) {
        std::unique_lock<std::mutex> lock(mutex_);
        Asked & asked = asked_[id];
        if (!heard_.wait_for(lock, HANGS, [&] { return asked.ends > 0 || closed_; })) {
            complain("request " + std::to_string(id) + " has no answer after five minutes");
            std::abort(); // a debugger or a sanitizer shows where the threads are
        }
        if (asked.ends == 0) return std::nullopt;
        return End{std::move(asked.end), std::move(asked.streamed)};
    }

private:
    // Far beyond what an answer takes under a sanitizer.
    static constexpr std::chrono::minutes HANGS{5};

    struct Asked {
        int              ends    = 0;
        bool             aborted = false;
        paligemma::Event end;
        std::string      streamed;
    };

    void receive(paligemma::Event event) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (closed_) complain("an event came after the last one");
        std::visit([this](auto & one) { hear(one); }, event);
        heard_.notify_all();
    }

    void hear(paligemma::Loaded & event) { loaded_ = event; }
    void hear(paligemma::Progress &) {}
    void hear(paligemma::Closed &) { closed_ = true; }
    void hear(paligemma::LoadFailed & event) {
        if (!stopping_) complain("loading failed: " + event.reason);
    }
    void hear(paligemma::Text & event) {
        Asked & asked = asked_[event.id];
        if (asked.ends > 0) complain("text came after the end of request " + std::to_string(event.id));
        asked.streamed += event.text;
    }
    template <typename Ending> void hear(Ending & event) {
        Asked & asked = asked_[event.id];
        if (++asked.ends > 1) complain("request " + std::to_string(event.id) + " ended twice");
        asked.end = std::move(event);
    }

    std::mutex                         mutex_;
    std::condition_variable            heard_;
    std::map<uint32_t, Asked>          asked_;
    std::optional<paligemma::Loaded>   loaded_;
    bool                               closed_ = false;
    std::atomic<bool>                  stopping_{false};
    std::unique_ptr<paligemma::Engine> engine_; // the last: its thread uses all the others
};
