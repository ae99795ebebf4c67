// The second half of a turn: a token for every running sequence, a step of a beam search, a mask.
#include <algorithm>

#include "engine/engine_state.h"
#include "model/batch.h"

namespace paligemma {

// ---- running sequences

std::vector<Engine::Slot *> Engine::running() const {
    std::vector<Slot *> slots;
    for (const auto & slot : slots_) {
        if (slot) slots.push_back(slot.get());
    }
    return slots;
}

void Engine::step() {
    const std::vector<Slot *> slots = running();
    for (size_t first = 0; first < slots.size();) {
        const size_t last = std::min(first + most_, slots.size());
        together(std::vector<Slot *>(slots.begin() + long(first), slots.begin() + long(last)), [this](const auto & some) { advance(some); },
                 [this](Slot & slot) { accept(slot); });
        first = last;
    }
}

// Feeds each one's last token. A gap between their sequences would split the batch, and every weight would be read once for each
// part; a token that nobody asks for fills it.
void Engine::advance(const std::vector<Slot *> & slots) {
    const size_t width = size_t(model_->width());
    llama_memory_t memory = llama_get_memory(context_.get());
    Batch batch;
    std::vector<float> rows;
    auto next = slots.begin();
    for (int sequence = slots.front()->sequence; next != slots.end(); ++sequence) {
        rows.resize(rows.size() + width);
        if ((*next)->sequence == sequence) {
            Slot & slot = **next++;
            const llama_pos position = llama_pos(slot.position() - 1);
            llama_memory_seq_rm(memory, sequence, position, -1); // of an attempt that failed
            model_->embedding(slot.answer.tokens().back(), &rows[rows.size() - width]);
            slot.row = int32_t(rows.size() / width) - 1;
            batch.add(position, sequence, output_for(slot.request));
        } else {
            llama_memory_seq_rm(memory, sequence, -1, -1);
            batch.add(0, sequence, Output::NONE);
        }
    }
    check_decoded(batch.decode(context_.get(), rows), "computing the next token");
}

// Takes the next token from the result in the slot's row; ends the sequence at <eos>, at a stop string, at its limit, and when
// the context is full.
void Engine::accept(Slot & slot) {
    const bool at_once = output_for(slot.request) == Output::TOKEN;
    const llama_token token = at_once ? llama_get_argmax_ith(context_.get(), slot.row)
                                      : slot.sampler.next(llama_get_logits_ith(context_.get(), slot.row), model_->vocabulary());
    check_numbers(token >= 0, "the logits"); // an argmax that is none
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
    answer(Done{slot.request.id, slot.answer.text(), slot.answer.tokens(), stopped || slot.answer.stopped(), slot.image_tokens, slot.prompt_tokens,
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

// ---- beam searches and masks

void Engine::begin_search(Ready & ready) {
    const auto started = Clock::now();
    const Request & request = ready.request;
    const size_t length = ready.prefix.ids.size();
    const int room = int(limit()) - int(length) + 1;
    const BeamOptions options{request.beams, std::min(request.max_tokens, room), request.length_penalty, options_.context.float32_cache};
    auto beams = std::make_unique<BeamSearch>(*model_, length, embed(*model_, ready.prefix, ready.features), options);
    search_ = std::make_unique<Search>(Search{std::move(ready), started, std::move(beams)});
}

void Engine::search_on() {
    if (!search_) return;
    compute({search_->ready.request.id}, [this] {
        if (search_->beams->step()) finish_search();
    });
}

void Engine::finish_search() {
    const std::unique_ptr<Search> search = std::move(search_);
    Ready & ready = search->ready;
    ready.timings.decode = milliseconds_since(search->started);
    Answer text(ready.request.with_marks, ready.request.stops);
    for (llama_token token : search->beams->tokens()) text.add(*model_, token);
    text.end();
    if (ready.request.stream) sink_(Text{ready.request.id, text.text()});
    const bool stopped = text.stopped() || search->beams->tokens().back() == model_->eos();
    const size_t image_tokens = ready.prefix.image_tokens;
    answer(Done{ready.request.id, text.text(), text.tokens(), stopped, image_tokens, ready.prefix.ids.size() - image_tokens, ready.remembered_images,
                ready.timings, {}, search->beams->score()});
}

void Engine::mask_on() {
    if (masking_.empty()) return;
    Masking & masking = masking_.front();
    compute({masking.request.id}, [&] {
        constexpr size_t EACH = MaskDecoder::SIZE * MaskDecoder::SIZE;
        masking.values.resize(masking.request.masks.size() * EACH);
        if (masking.decoded < masking.request.masks.size()) {
            mask_decoder_->decode(masking.request.masks[masking.decoded], &masking.values[masking.decoded * EACH]);
            ++masking.decoded;
        }
        if (masking.decoded < masking.request.masks.size()) return;
        answer(Masks{masking.request.id, std::move(masking.values)});
        masking_.pop_front();
    });
}

} // namespace paligemma
