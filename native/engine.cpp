#include "engine.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "detokenizer.h"
#include "prefix.h"

namespace paligemma {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// A batch of input rows; llama.cpp reads the arrays during llama_decode only.
class Batch {
public:
    void add(llama_pos position, llama_seq_id sequence, bool output) {
        positions_.push_back(position);
        sequences_.push_back(sequence);
        outputs_.push_back(output);
    }
    int decode(llama_context * context, const std::vector<float> & rows) {
        const size_t n = positions_.size();
        std::vector<int32_t> counts(n, 1);
        std::vector<llama_seq_id *> sequences(n);
        for (size_t i = 0; i < n; ++i) sequences[i] = &sequences_[i];
        llama_batch batch{};
        batch.n_tokens = int32_t(n);
        batch.embd     = const_cast<float *>(rows.data());
        batch.pos      = positions_.data();
        batch.n_seq_id = counts.data();
        batch.seq_id   = sequences.data();
        batch.logits   = outputs_.data();
        return llama_decode(context, batch);
    }

private:
    std::vector<llama_pos>    positions_;
    std::vector<llama_seq_id> sequences_;
    std::vector<int8_t>       outputs_;
};

} // namespace

struct Engine::Slot {
    Request                  request;
    Sampler                  sampler;
    Timings                  timings;
    Clock::time_point        decode_start;
    int                      sequence;
    size_t                   image_tokens, prompt_tokens;
    std::vector<llama_token> tokens;
    Detokenizer              detokenizer;
    size_t                   sent = 0; // bytes of text that went out as stream

    size_t position() const { return image_tokens + prompt_tokens + tokens.size(); }
};

Engine::Engine(EngineOptions options, std::function<void(Event)> sink)
    : options_(std::move(options)), sink_(std::move(sink)), slots_(size_t(options_.model.max_sequences)) {
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
    if (prefilling_ == id) interrupt_ = true;
    wake_.notify_one();
}

void Engine::stop() {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = interrupt_ = true;
    wake_.notify_one();
}

void Engine::run() {
    try {
        threads_ = std::make_unique<Threads>(options_.threads, [this] { return interrupt_.load(); });
        model_   = std::make_unique<Model>(options_.model, *threads_, [this](float done) { sink_(Progress{done}); return !stopping_; });
        vision_  = std::make_unique<Vision>(options_.vision_path, *threads_);
        sink_(Loaded{vision_->image_size(), vision_->tokens(), model_->width(), model_->vocabulary(), model_->context_tokens(), model_->cache_bytes()});
        serve();
    } catch (const std::exception & error) {
        sink_(LoadFailed{error.what()});
    }
    slots_.clear();
    vision_.reset();
    model_.reset();
    threads_.reset();
    sink_(Closed{});
}

void Engine::serve() {
    while (wait_for_work()) {
        drop_aborted();
        admit();
        step();
    }
}

bool Engine::wait_for_work() {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [this] {
        const bool running = std::any_of(slots_.begin(), slots_.end(), [](const auto & slot) { return slot != nullptr; });
        return stopping_ || running || !queue_.empty();
    });
    return !stopping_;
}

bool Engine::is_aborted(uint32_t id) {
    std::lock_guard<std::mutex> lock(mutex_);
    return aborted_.count(id) > 0;
}

// Frees what the callers have given up, running or waiting, and forgets ids of requests that had already ended.
void Engine::drop_aborted() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (aborted_.empty()) return;
    for (auto & slot : slots_) {
        if (slot && aborted_.count(slot->request.id)) slot.reset();
    }
    queue_.erase(std::remove_if(queue_.begin(), queue_.end(), [this](const auto & item) { return aborted_.count(item.first.id) > 0; }), queue_.end());
    aborted_.clear();
}

// Takes waiting requests while there are free sequences.
void Engine::admit() {
    while (!stopping_ && std::any_of(slots_.begin(), slots_.end(), [](const auto & slot) { return slot == nullptr; })) {
        std::unique_lock<std::mutex> lock(mutex_);
        if (queue_.empty()) return;
        auto [request, since] = std::move(queue_.front());
        queue_.pop_front();
        prefilling_ = request.id;
        interrupt_  = stopping_.load();
        lock.unlock();

        const uint32_t id = request.id;
        request.queue_ms = milliseconds_since(since);
        try {
            start(std::move(request));
        } catch (const std::exception & error) {
            if (!interrupt_) sink_(Failed{id, error.what()});
        }

        lock.lock();
        prefilling_ = 0;
        interrupt_  = stopping_.load();
    }
}

// Encodes the images, computes the prefix and samples the first token.
void Engine::start(Request request) {
    const size_t image_tokens = request.images.size() * size_t(vision_->tokens());
    Prefix prefix;
    if (request.kind != Request::ENCODE) {
        prefix = make_prefix(*model_, request.prompt, image_tokens, options_.image_token);
        const size_t limit = size_t(model_->context_tokens());
        if (prefix.ids.size() > limit) return sink_(TooLong{request.id, prefix.ids.size(), limit});
    }

    Timings timings;
    timings.queue = request.queue_ms;
    const auto vision_start = Clock::now();
    std::vector<float> features = vision_->encode(request.images);
    timings.vision = milliseconds_since(vision_start);
    if (request.kind == Request::ENCODE) return sink_(Encoded{request.id, std::move(features), timings});
    if (is_aborted(request.id)) return;

    const auto prefill_start = Clock::now();
    const int  sequence = int(std::find(slots_.begin(), slots_.end(), nullptr) - slots_.begin());
    const float * logits = decode_prefix(sequence, prefix.ids.size(), embed(*model_, prefix, features));
    if (!logits) return; // interrupted
    timings.prefill = milliseconds_since(prefill_start);

    if (request.kind == Request::TRACE) {
        Traced trace{request.id, std::move(prefix.ids), {}, std::move(features), {logits, logits + model_->vocabulary()}};
        for (const Pixels & pixels : request.images) {
            const auto planes = normalise(pixels);
            trace.pixels.insert(trace.pixels.end(), planes.begin(), planes.end());
        }
        return sink_(std::move(trace));
    }

    const Sampling sampling = request.sampling;
    auto slot = std::make_unique<Slot>(Slot{std::move(request), Sampler(sampling), timings, Clock::now(), sequence,
                                            image_tokens, prefix.ids.size() - image_tokens, {}, {}});
    Slot & placed = *slot;
    slots_[size_t(sequence)] = std::move(slot);
    try {
        accept(placed, logits);
    } catch (...) {
        slots_[size_t(sequence)].reset();
        throw;
    }
}

// The logits at the prefix's last position, or null when the computation was interrupted.
const float * Engine::decode_prefix(int sequence, size_t tokens, const std::vector<float> & rows) {
    llama_memory_t memory = llama_get_memory(model_->context());
    llama_memory_seq_rm(memory, sequence, -1, -1);
    llama_memory_seq_set_prefix(memory, sequence, llama_pos(tokens));

    Batch batch;
    for (size_t i = 0; i < tokens; ++i) batch.add(llama_pos(i), sequence, i + 1 == tokens);
    const int status = batch.decode(model_->context(), rows);
    if (status == 2 || (status != 0 && interrupt_)) return nullptr;
    if (status != 0) throw std::runtime_error("computing the prefix failed (llama_decode " + std::to_string(status) + ")");
    return llama_get_logits_ith(model_->context(), -1);
}

// One token for every running sequence.
void Engine::step() {
    const size_t width = size_t(model_->width());
    Batch batch;
    std::vector<float>  rows;
    std::vector<Slot *> running;
    for (auto & slot : slots_) {
        if (!slot) continue;
        rows.resize(rows.size() + width);
        model_->embedding(slot->tokens.back(), &rows[rows.size() - width]);
        batch.add(llama_pos(slot->position() - 1), slot->sequence, true);
        running.push_back(slot.get());
    }
    if (running.empty()) return;

    const int status = batch.decode(model_->context(), rows);
    if (stopping_) return;
    for (size_t i = 0; i < running.size(); ++i) {
        Slot & slot = *running[i];
        try {
            if (status != 0) throw std::runtime_error("computing the next token failed (llama_decode " + std::to_string(status) + ")");
            accept(slot, llama_get_logits_ith(model_->context(), int32_t(i)));
        } catch (const std::exception & error) {
            sink_(Failed{slot.request.id, error.what()});
            slots_[size_t(slot.sequence)].reset();
        }
    }
}

// Takes the next token from the logits; ends the sequence at <eos>, at its limit, and when the context is full.
void Engine::accept(Slot & slot, const float * logits) {
    const llama_token token = slot.sampler.next(logits, model_->vocabulary());
    slot.tokens.push_back(token);
    if (token == model_->eos()) return finish(slot, true);

    slot.detokenizer.add(*model_, token);
    stream(slot);
    const bool full = slot.position() > size_t(model_->context_tokens());
    if (int(slot.tokens.size()) >= slot.request.max_tokens || full) finish(slot, false);
}

// Sends the text that has come since the last time.
void Engine::stream(Slot & slot) {
    const std::string & text = slot.detokenizer.text();
    if (!slot.request.stream || slot.sent == text.size()) return;
    sink_(Text{slot.request.id, text.substr(slot.sent)});
    slot.sent = text.size();
}

void Engine::finish(Slot & slot, bool stopped) {
    slot.detokenizer.end();
    stream(slot);
    slot.timings.decode = milliseconds_since(slot.decode_start);
    sink_(Done{slot.request.id, slot.detokenizer.text(), std::move(slot.tokens), stopped, slot.image_tokens, slot.prompt_tokens, slot.timings});
    slots_[size_t(slot.sequence)].reset();
}

} // namespace paligemma
