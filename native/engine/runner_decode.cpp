// The second half of a turn: a token for every running sequence, a step of a beam search, a mask.
#include <algorithm>

#include "engine/runner_task.h"

namespace paligemma {
namespace {

constexpr int BUCKET = 8; // sequences

std::vector<std::vector<Logprob>> describe(const Model & model, const std::vector<TokenLogprob> & logprobs) {
    std::vector<llama_token> tokens;
    for (const auto & one : logprobs) tokens.push_back(one.token);
    const auto texts = token_texts(model, tokens);

    std::vector<std::vector<Logprob>> described;
    for (size_t i = 0; i < logprobs.size(); ++i) {
        std::vector<Logprob> entries{{tokens[i], texts[i], logprobs[i].logprob, logprobs[i].near}};
        for (const auto & [token, logprob] : logprobs[i].top) entries.push_back({token, token_texts(model, {token})[0], logprob, logprob});
        described.push_back(std::move(entries));
    }
    return described;
}

} // namespace

// ---- running sequences

void Runner::step() {
    for (auto ids = scheduler_.next_to_step(); !ids.empty(); ids = scheduler_.next_to_step()) {
        together(ids, [this](const auto & tasks) { advance(tasks); }, [this](Task & task) { accept(task); });
    }
}

// Feeds each one's last token. A gap between their sequences would split the batch, and every weight would be read once for each
// part; a token that nobody asks for fills it. On a card some follow, so that most steps have one of a few sizes: what is launched for
// one can be launched again.
void Runner::advance(const std::vector<Task *> & tasks) {
    const auto started = Clock::now();
    llama_memory_t memory = llama_get_memory(context_.get());
    Batch batch(model_.width(), tasks.size() + BUCKET);
    const auto fill = [&](int sequence) {
        if (llama_memory_seq_pos_max(memory, sequence) >= 0) llama_memory_seq_rm(memory, sequence, -1, -1);
        batch.add(0, sequence, Output::NONE);
    };
    int filled = scheduler_.slot_of(tasks.front()->request.id).value();
    for (Task * task : tasks) {
        const int sequence = scheduler_.slot_of(task->request.id).value();
        for (; filled < sequence; ++filled) fill(filled);
        const llama_pos position = llama_pos(task->position() - 1);
        if (llama_memory_seq_pos_max(memory, sequence) >= position) llama_memory_seq_rm(memory, sequence, position, -1); // of an attempt that failed
        task->row = batch.size();
        model_.embedding(task->answer.tokens().back(), batch.add(position, sequence, task->output()));
        task->choose(batch);
        ++filled;
    }
    for (; card_ && filled % BUCKET != 0 && filled < options_.context.max_sequences && !scheduler_.used(filled); ++filled) fill(filled);
    check_decoded(batch.decode(context_.get()), "computing the next token");
    step_times_.add(double(batch.size()), milliseconds_since(started));
}

// Takes the next token from the result in the task's row; ends the sequence at <eos>, at a stop string, at its limit, and when
// the context is full.
void Runner::accept(Task & task) {
    const llama_token token = task.sampler->next(context_.get(), task.row);
    task.answer.add(model_, token);
    if (token == model_.eos() || task.answer.stopped()) return finish(task, true);
    send_text(task);
    const bool full = task.position() > limit();
    if (int(task.answer.tokens().size()) >= task.request.max_tokens || full) finish(task, false);
}

void Runner::send_text(Task & task) {
    if (!task.request.stream) return;
    std::string text = task.answer.fresh();
    if (!text.empty()) sink_(Text{task.request.id, std::move(text)});
}

void Runner::finish(Task & task, bool stopped) {
    task.answer.end();
    send_text(task);
    task.timings.decode = milliseconds_since(task.decode_start);
    answer(task.done(stopped || task.answer.stopped(), describe(model_, task.sampler->logprobs()), 0.0f));
}

// ---- beam searches and masks

void Runner::begin_search(Task & task) {
    task.decode_start = Clock::now();
    const Beams & beams = std::get<Beams>(task.request.choice);
    const int room = int(limit()) - int(task.prefix.ids.size()) + 1;
    const BeamOptions options{beams.count, std::min(task.request.max_tokens, room), beams.length_penalty, options_.context.float32_cache};
    task.search = std::make_unique<BeamSearch>(model_, task.prefix, task.features, options);
}

void Runner::search_on() {
    const auto id = scheduler_.next_search();
    if (!id) return;
    compute({*id}, [&] {
        Task & task = tasks_.at(*id);
        if (task.search->step()) finish_search(task);
    });
}

void Runner::finish_search(Task & task) {
    task.timings.decode = milliseconds_since(task.decode_start);
    for (llama_token token : task.search->tokens()) task.answer.add(model_, token);
    task.answer.end();
    if (task.request.stream) sink_(Text{task.request.id, task.answer.text()});
    const bool stopped = task.answer.stopped() || task.search->tokens().back() == model_.eos();
    answer(task.done(stopped, {}, task.search->score()));
}

void Runner::mask_on() {
    const auto id = scheduler_.next_masks();
    if (!id) return;
    compute({*id}, [&] {
        constexpr size_t EACH = MaskDecoder::SIZE * MaskDecoder::SIZE;
        Task & task = tasks_.at(*id);
        const auto & codes = task.request.masks;
        task.masks.resize(codes.size() * EACH);
        if (task.masks_decoded < codes.size()) {
            mask_decoder_->decode(codes[task.masks_decoded], &task.masks[task.masks_decoded * EACH]);
            ++task.masks_decoded;
        }
        if (task.masks_decoded == codes.size()) answer(Masks{*id, std::move(task.masks)});
    });
}

} // namespace paligemma
