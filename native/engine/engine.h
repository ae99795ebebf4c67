// One thread per model that owns every llama.cpp object; on cards it lends the vision tower to a second one. Requests come in through
// a mailbox, a scheduler decides which of them are computed for next, a runner computes, and events go out through a sink.
#pragma once

#include <functional>
#include <thread>

#include "engine/mailbox.h"
#include "engine/options.h"
#include "engine/request.h"

namespace paligemma {

class Engine {
public:
    // Starts the thread, which loads the model and answers with Loaded or LoadFailed. `sink` is called on that thread.
    Engine(EngineOptions options, std::function<void(Event)> sink);
    ~Engine(); // stops and waits

    void submit(Request request) { mailbox_.post(std::move(request)); }
    void abort(uint32_t id) { mailbox_.abort(id); } // no further event for this request comes, or only such as are under way
    void stop() { mailbox_.stop(); }                // ends within a step, dropping what is unfinished; answers with Closed

private:
    void run();

    const EngineOptions              options_;
    const std::function<void(Event)> sink_;
    Mailbox                          mailbox_;
    std::thread                      thread_;
};

} // namespace paligemma
