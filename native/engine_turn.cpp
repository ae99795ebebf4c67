// What the engine computes in a turn of its loop: features, prefixes, a token for every running sequence.
#include <algorithm>
#include <stdexcept>

#include "batch.h"
#include "beam_search.h"
#include "engine_state.h"

namespace paligemma {

// Sequences that nobody uses, the lowest first: those in a row are computed together.
std::vector<int> Engine::free_sequences() const {
    std::vector<int> free;
    for (size_t i = 0; i < slots_.size(); ++i) {
        if (!slots_[i]) free.push_back(int(i));
    }
    return free;
}

// Runs `work` for these requests and tells each of them when it fails. It is interrupted when all of them are aborted.
template <typename Work> bool Engine::compute(std::vector<uint32_t> ids, Work && work) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        computing_ = ids;
        interrupt_ = stopping_ || nobody_waits();
    }
    bool done = false;
    try {
        if (!interrupt_) work();
        done = !interrupt_;
    } catch (const std::exception & error) {
        if (!interrupt_) {
            for (uint32_t id : ids) sink_(Failed{id, error.what()});
        }
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    computing_.clear();
    interrupt_ = stopping_.load();
    return done && !stopping_;
}

namespace {

template <typename Requests> std::vector<uint32_t> ids_of(const Requests & requests) {
    std::vector<uint32_t> ids;
    for (const auto & ready : requests) ids.push_back(ready.request.id);
    return ids;
}

// Only who chooses by more than the largest logit needs them all.
Output output_for(const Request & request) {
    const bool greedy = request.kind == Request::GENERATE && request.sampling.temperature <= 0.0f && !request.sampling.logprobs &&
                        !request.constraint && !request.forced;
    return greedy ? Output::TOKEN : Output::LOGITS;
}

} // namespace

// ---- waiting requests -> prefixes and features

std::optional<Engine::Ready> Engine::take() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (stopping_ || queue_.empty()) return std::nullopt;
    auto [request, since] = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();

    const size_t image_tokens = request.images.size() * size_t(vision_->tokens());
    Ready ready{std::move(request), {}};
    ready.timings.queue       = milliseconds_since(since);
    ready.prefix.image_tokens = image_tokens;
    if (ready.request.kind == Request::GENERATE || ready.request.kind == Request::TRACE) {
        ready.prefix = make_prefix(*model_, ready.request.prompt, image_tokens, options_.image_token);
    }
    return ready;
}

// Takes up requests for which there will be a sequence, a batch of images at a time.
void Engine::prepare() {
    std::vector<Ready> taken;
    const size_t free = free_sequences().size();
    for (size_t tokens = 0; ready_.size() + taken.size() < free && tokens < options_.vision_batch_tokens;) {
        auto ready = take();
        if (!ready) break;
        const uint32_t id = ready->request.id;
        if (ready->request.kind == Request::MASKS) {
            compute({id}, [&] { sink_(Masks{id, mask_decoder_ ? mask_decoder_->decode(ready->request.masks) : std::vector<float>{}}); });
        } else if (ready->prefix.ids.size() > limit()) {
            sink_(TooLong{id, ready->prefix.ids.size(), limit()});
        } else {
            tokens += ready->prefix.image_tokens;
            taken.push_back(std::move(*ready));
        }
    }
    if (taken.empty() || !compute(ids_of(taken), [&] { see(taken); })) return;
    for (Ready & ready : taken) {
        if (ready.request.kind == Request::ENCODE) {
            sink_(Encoded{ready.request.id, std::move(ready.features), ready.timings});
        } else {
            ready_.push_back(std::move(ready));
        }
    }
}

// Fills in the features of all pictures. What is not remembered is encoded together.
void Engine::see(std::vector<Ready> & requests) {
    const auto started = Clock::now();
    std::vector<Features>       found;
    std::vector<const Pixels *> unknown;
    for (Ready & ready : requests) {
        for (const Pixels & pixels : ready.request.images) {
            found.push_back(remembered_->find(pixels));
            ready.remembered_images += found.back() != nullptr;
            if (!found.back()) unknown.push_back(&pixels);
        }
    }
    const std::vector<float> encoded = vision_->encode(unknown);
    const size_t each = size_t(vision_->tokens()) * size_t(vision_->width());
    size_t image = 0, next = 0;
    for (Ready & ready : requests) {
        ready.features.reserve(ready.request.images.size() * each);
        for (const Pixels & pixels : ready.request.images) {
            Features & features = found[image++];
            if (!features) {
                const float * from = encoded.data() + next++ * each;
                features = std::make_shared<const std::vector<float>>(from, from + each);
                remembered_->add(pixels, features);
            }
            ready.features.insert(ready.features.end(), features->begin(), features->end());
        }
        ready.timings.vision = ready.request.images.size() > ready.remembered_images ? milliseconds_since(started) : 0;
    }
}

// ---- prefixes -> running sequences

// The one that waits longest, and others of its length: llama.cpp computes sequences together that have as many tokens.
std::vector<Engine::Ready> Engine::next_group() {
    std::vector<Ready> group;
    const size_t length = ready_.front().prefix.ids.size();
    const size_t most   = std::max<size_t>(llama_n_ubatch(context_.get()) / length, 1);
    const bool   alone  = ready_.front().request.beams > 1;
    for (auto ready = ready_.begin(); ready != ready_.end() && group.size() < (alone ? 1 : most);) {
        if (ready->prefix.ids.size() == length && (alone || ready->request.beams == 1)) {
            group.push_back(std::move(*ready));
            ready = ready_.erase(ready);
        } else {
            ++ready;
        }
    }
    return group;
}

void Engine::start() {
    if (ready_.empty() || stopping_) return;
    std::vector<Ready> group = next_group();
    const auto ids = ids_of(group);
    if (group[0].request.beams > 1) {
        compute(ids, [&] { search(group[0]); });
        return;
    }
    const std::vector<int> free = free_sequences();
    const size_t length = group[0].prefix.ids.size();
    const bool computed = compute(ids, [&] {
        const auto started = Clock::now();
        std::vector<float> rows;
        std::vector<int>    sequences;
        std::vector<Output> outputs;
        for (size_t i = 0; i < group.size(); ++i) {
            const auto embedded = embed(*model_, group[i].prefix, group[i].features);
            rows.insert(rows.end(), embedded.begin(), embedded.end());
            sequences.push_back(free[i]);
            outputs.push_back(output_for(group[i].request));
        }
        const int status = decode_prefixes(context_.get(), sequences, length, rows, outputs);
        if (status != 0) throw std::runtime_error("computing the prefix failed (llama_decode " + std::to_string(status) + ")");
        for (Ready & ready : group) ready.timings.prefill = milliseconds_since(started);
    });
    if (!computed) return;
    for (size_t i = 0; i < group.size(); ++i) {
        compute({ids[i]}, [&] { place(group[i], free[i], int32_t((i + 1) * length - 1)); });
    }
}

// Gives a computed prefix its sequence and samples the first token.
void Engine::place(Ready & ready, int sequence, int32_t row) {
    Request & request = ready.request;
    if (request.kind == Request::TRACE) return trace(ready, llama_get_logits_ith(context_.get(), row));

    std::vector<llama_token> forced;
    if (request.forced) {
        forced = model_->tokenize(*request.forced);
        forced.push_back(model_->eos());
        request.max_tokens = int(forced.size());
        const size_t needed = ready.prefix.ids.size() + forced.size() - 1; // the last one is not fed back
        if (needed > limit()) return sink_(TooLong{request.id, needed, limit()});
    }
    std::unique_ptr<Constraint> constraint;
    if (request.constraint) constraint = std::make_unique<Constraint>(*model_, request.constraint->labels, request.constraint->segment);

    const size_t image_tokens = ready.prefix.image_tokens;
    Sampler sampler(*model_, request.sampling, std::move(constraint), std::move(forced));
    Answer  answer(request.with_marks, request.stops);
    slots_[size_t(sequence)] = std::make_unique<Slot>(Slot{std::move(request), std::move(sampler), std::move(answer), ready.timings, Clock::now(), sequence,
                                                           image_tokens, ready.prefix.ids.size() - image_tokens, ready.remembered_images});
    try {
        accept(*slots_[size_t(sequence)], row);
    } catch (...) {
        slots_[size_t(sequence)].reset();
        throw;
    }
}

void Engine::trace(Ready & ready, const float * logits) {
    Traced traced{ready.request.id, std::move(ready.prefix.ids), {}, std::move(ready.features), {logits, logits + model_->vocabulary()}};
    for (const Pixels & pixels : ready.request.images) {
        const auto planes = normalise(pixels);
        traced.pixels.insert(traced.pixels.end(), planes.begin(), planes.end());
    }
    sink_(std::move(traced));
}

// Beam search runs to its end at once; other requests wait for it.
void Engine::search(Ready & ready) {
    const auto started = Clock::now();
    const Request & request = ready.request;
    const size_t length = ready.prefix.ids.size();
    const int room = int(limit()) - int(length) + 1;
    const BeamOptions options{request.beams, std::min(request.max_tokens, room), request.length_penalty, options_.context.float32_cache};
    const BeamResult result = beam_search(*model_, length, embed(*model_, ready.prefix, ready.features), options);
    if (result.interrupted) return;
    ready.timings.decode = milliseconds_since(started);

    Answer answer(request.with_marks, request.stops);
    for (llama_token token : result.tokens) answer.add(*model_, token);
    answer.end();
    if (request.stream) sink_(Text{request.id, answer.text()});
    const bool stopped = answer.stopped() || result.tokens.back() == model_->eos();
    const size_t image_tokens = ready.prefix.image_tokens;
    sink_(Done{request.id, answer.text(), answer.tokens(), stopped, image_tokens, length - image_tokens, ready.remembered_images, ready.timings, {}, result.score});
}

// ---- running sequences

// One token for every running sequence. A gap between sequences would split the batch, and every weight would be read once for each
// part; a token that nobody asks for fills it.
void Engine::step() {
    const size_t width = size_t(model_->width());
    Batch batch;
    std::vector<float> rows;
    std::vector<std::pair<Slot *, int32_t>> running; // with the row of its logits
    int last = -1;
    for (const auto & slot : slots_) {
        if (slot) last = slot->sequence;
    }
    for (int sequence = 0; sequence <= last; ++sequence) {
        Slot * slot = slots_[size_t(sequence)].get();
        if (!slot && running.empty()) continue;
        rows.resize(rows.size() + width);
        if (slot) {
            model_->embedding(slot->answer.tokens().back(), &rows[rows.size() - width]);
            running.emplace_back(slot, int32_t(rows.size() / width) - 1);
            batch.add(llama_pos(slot->position() - 1), sequence, output_for(slot->request));
        } else {
            llama_memory_seq_rm(llama_get_memory(context_.get()), sequence, -1, -1);
            batch.add(0, sequence, Output::NONE);
        }
    }
    if (running.empty()) return;

    const int status = batch.decode(context_.get(), rows);
    if (stopping_) return;
    for (const auto & [slot, row] : running) {
        try {
            if (status != 0) throw std::runtime_error("computing the next token failed (llama_decode " + std::to_string(status) + ")");
            accept(*slot, row);
        } catch (const std::exception & error) {
            sink_(Failed{slot->request.id, error.what()});
            slots_[size_t(slot->sequence)].reset();
        }
    }
}

// Takes the next token from the result in this row; ends the sequence at <eos>, at a stop string, at its limit, and when
// the context is full.
void Engine::accept(Slot & slot, int32_t row) {
    const llama_token token = output_for(slot.request) == Output::TOKEN
                                  ? llama_get_argmax_ith(context_.get(), row)
                                  : slot.sampler.next(llama_get_logits_ith(context_.get(), row), model_->vocabulary());
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
               slot.remembered_images, slot.timings, describe(slot.sampler.logprobs()), 0.0f});
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
