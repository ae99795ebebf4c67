#include "engine/engine.h"

#include <stdexcept>

#include "engine/runner.h"

namespace paligemma {

Engine::Engine(EngineOptions options, std::function<void(Event)> sink) : options_(std::move(options)), sink_(std::move(sink)) {
    thread_ = std::thread([this] { run(); });
}

Engine::~Engine() {
    stop();
    if (thread_.joinable()) thread_.join();
}

void Engine::run() {
    try {
        Runner runner(options_, mailbox_, sink_);
        sink_(runner.loaded());
        runner.serve();
    } catch (const std::exception & error) {
        sink_(LoadFailed{error.what()});
    }
    sink_(Closed{});
}

} // namespace paligemma
