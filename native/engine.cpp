#include "engine.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "answer.h"
#include "batch.h"
#include "beam_search.h"

namespace paligemma {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

} // namespace

struct Engine::Slot {
    Request           request;
    Sampler           sampler;
    Answer            answer;
    Timings           timings;
    Clock::time_point decode_start;
    int               sequence;
    size_t            image_tokens, prompt_tokens;

    // Of the token that comes next.
    size_t position() const { return image_tokens + prompt_tokens + answer.tokens().size(); }
};

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
        model_   = std::make_unique<Model>(options_.text_path, *threads_, [this](float done) { sink_(Progress{done}); return !stopping_; });
        context_ = model_->make_context(options_.context);
        vision_  = std::make_unique<Vision>(options_.vision_path, *threads_);
        mask_decoder_ = MaskDecoder::load(options_.vision_path, *threads_);
        sink_(Loaded{vision_->image_size(), vision_->tokens(), model_->width(), model_->vocabulary(), context_bytes(context_.get()), mask_decoder_ != nullptr});
        serve();
    } catch (const std::exception & error) {
        sink_(LoadFailed{error.what()});
    }
    slots_.clear();
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
    if (is_aborted(request.id)) return;
    if (request.kind == Request::MASKS) {
        return sink_(Masks{request.id, mask_decoder_ ? mask_decoder_->decode(request.masks) : std::vector<float>{}});
    }
    const size_t image_tokens = request.images.size() * size_t(vision_->tokens());
    Prefix prefix;
    if (request.kind != Request::ENCODE) {
        prefix = make_prefix(*model_, request.prompt, image_tokens, options_.image_token);
        if (prefix.ids.size() > limit()) return sink_(TooLong{request.id, prefix.ids.size(), limit()});
    }

    Timings timings;
    timings.queue = request.queue_ms;
    const auto vision_start = Clock::now();
    std::vector<float> features = vision_->encode(request.images);
    timings.vision = milliseconds_since(vision_start);
    if (request.kind == Request::ENCODE) return sink_(Encoded{request.id, std::move(features), timings});
    if (is_aborted(request.id)) return;

    const auto rows = embed(*model_, prefix, features);
    if (request.beams > 1) return search(std::move(request), prefix, rows, timings);

    const auto prefill_start = Clock::now();
    const int  sequence = int(std::find(slots_.begin(), slots_.end(), nullptr) - slots_.begin());
    const int  status = decode_prefix(context_.get(), sequence, prefix.ids.size(), rows);
    if (status != 0 && interrupt_) return;
    if (status != 0) throw std::runtime_error("computing the prefix failed (llama_decode " + std::to_string(status) + ")");
    const float * logits = llama_get_logits_ith(context_.get(), -1);
    timings.prefill = milliseconds_since(prefill_start);

    if (request.kind == Request::TRACE) {
        Traced trace{request.id, std::move(prefix.ids), {}, std::move(features), {logits, logits + model_->vocabulary()}};
        for (const Pixels & pixels : request.images) {
            const auto planes = normalise(pixels);
            trace.pixels.insert(trace.pixels.end(), planes.begin(), planes.end());
        }
        return sink_(std::move(trace));
    }

    std::vector<llama_token> forced;
    if (request.forced) {
        forced = model_->tokenize(*request.forced);
        forced.push_back(model_->eos());
        request.max_tokens = int(forced.size());
        const size_t needed = prefix.ids.size() + forced.size() - 1; // the last one is not fed back
        if (needed > limit()) return sink_(TooLong{request.id, needed, limit()});
    }
    std::unique_ptr<Constraint> constraint;
    if (request.constraint) constraint = std::make_unique<Constraint>(*model_, request.constraint->labels, request.constraint->segment);

    Sampler sampler(*model_, request.sampling, std::move(constraint), std::move(forced));
    Answer  answer(request.with_marks, request.stops);
    auto slot = std::make_unique<Slot>(Slot{std::move(request), std::move(sampler), std::move(answer), timings, Clock::now(), sequence,
                                            image_tokens, prefix.ids.size() - image_tokens});
    Slot & placed = *slot;
    slots_[size_t(sequence)] = std::move(slot);
    try {
        accept(placed, logits);
    } catch (...) {
        slots_[size_t(sequence)].reset();
        throw;
    }
}

// Beam search runs to its end at once; other requests wait for it.
void Engine::search(Request request, const Prefix & prefix, const std::vector<float> & rows, Timings timings) {
    const auto started = Clock::now();
    const int room = int(limit()) - int(prefix.ids.size()) + 1;
    const BeamOptions options{request.beams, std::min(request.max_tokens, room), request.length_penalty, options_.context.float32_cache};
    const BeamResult result = beam_search(*model_, prefix.ids.size(), rows, options);
    if (result.interrupted) return;
    timings.decode = milliseconds_since(started);

    Answer answer(request.with_marks, request.stops);
    for (llama_token token : result.tokens) answer.add(*model_, token);
    answer.end();
    if (request.stream) sink_(Text{request.id, answer.text()});
    const bool stopped = answer.stopped() || result.tokens.back() == model_->eos();
    sink_(Done{request.id, answer.text(), answer.tokens(), stopped, prefix.image_tokens, prefix.ids.size() - prefix.image_tokens, timings, {}, result.score});
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
        model_->embedding(slot->answer.tokens().back(), &rows[rows.size() - width]);
        batch.add(llama_pos(slot->position() - 1), slot->sequence, true);
        running.push_back(slot.get());
    }
    if (running.empty()) return;

    const int status = batch.decode(context_.get(), rows);
    if (stopping_) return;
    for (size_t i = 0; i < running.size(); ++i) {
        Slot & slot = *running[i];
        try {
            if (status != 0) throw std::runtime_error("computing the next token failed (llama_decode " + std::to_string(status) + ")");
            accept(slot, llama_get_logits_ith(context_.get(), int32_t(i)));
        } catch (const std::exception & error) {
            sink_(Failed{slot.request.id, error.what()});
            slots_[size_t(slot.sequence)].reset();
        }
    }
}

// Takes the next token from the logits; ends the sequence at <eos>, at a stop string, at its limit, and when the context
// is full.
void Engine::accept(Slot & slot, const float * logits) {
    const llama_token token = slot.sampler.next(logits, model_->vocabulary());
    slot.answer.add(*model_, token);
    if (token == model_->eos() || slot.answer.stopped()) return finish(slot, true);
    send_text(slot);
    const bool full = slot.position() > limit();
    if (int(slot.answer.tokens().size()) >= slot.request.max_tokens || full) finish(slot, false);
}

void Engine::send_text(Slot & slot) {
    if (!slot.request.stream) return;
    std::string text = slot.answer.fresh();
    if (!text.empty()) sink_(Text{slot.request.id, std::move(text)});
}

void Engine::finish(Slot & slot, bool stopped) {
    slot.answer.end();
    send_text(slot);
    slot.timings.decode = milliseconds_since(slot.decode_start);
    sink_(Done{slot.request.id, slot.answer.text(), slot.answer.tokens(), stopped || slot.answer.stopped(), slot.image_tokens, slot.prompt_tokens,
               slot.timings, describe(slot.sampler.logprobs()), 0.0f});
    slots_[size_t(slot.sequence)].reset();
}

std::vector<std::vector<Logprob>> Engine::describe(const std::vector<TokenLogprob> & logprobs) const {
    std::vector<llama_token> tokens;
    for (const auto & one : logprobs) tokens.push_back(one.token);
    const auto texts = token_texts(*model_, tokens);

    std::vector<std::vector<Logprob>> described;
    for (size_t i = 0; i < logprobs.size(); ++i) {
        std::vector<Logprob> entries{{tokens[i], texts[i], logprobs[i].logprob, logprobs[i].near}};
        for (const auto & [token, logprob] : logprobs[i].top) entries.push_back({token, token_texts(*model_, {token})[0], logprob, logprob});
        described.push_back(std::move(entries));
    }
    return described;
}

} // namespace paligemma
