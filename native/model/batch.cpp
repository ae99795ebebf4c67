#include "model/batch.h"

#include <algorithm>

#include "base/failure.h"
#include "base/faults.h"

namespace paligemma {
namespace {

constexpr size_t CHOICES_STEP = 64; // so few sizes of lists that graphs of two steps are mostly the same

} // namespace

float * Batch::add(llama_pos position, llama_seq_id sequence, Output output) {
    positions_.push_back(position);
    sequences_.push_back(sequence);
    outputs_.push_back(int8_t(output));
    rows_.resize(rows_.size() + width_);
    return &rows_[rows_.size() - width_];
}

void Batch::add_rows(const ggml_tensor * rows, llama_pos position, llama_seq_id sequence) {
    tensors_.push_back({size(), rows});
    for (int64_t i = 0; i < rows->ne[1]; ++i) {
        positions_.push_back(position + llama_pos(i));
        sequences_.push_back(sequence);
        outputs_.push_back(int8_t(Output::NONE));
    }
}

void Batch::choose(const std::vector<llama_token> & tokens) {
    choosing_.push_back(size() - 1);
    choices_.push_back(tokens);
}

void Batch::draw(float temperature) {
    drawing_.push_back(size() - 1);
    temperatures_.push_back(temperature);
}

int Batch::decode(llama_context * context) {
    switch (fault_at("decode")) {
        case Fault::NONE:   break;
        case Fault::MEMORY: return -2;
        case Fault::ERROR:  return -3;
    }
    size_t most = 0;
    for (const auto & tokens : choices_) most = std::max(most, tokens.size());
    most = (most + CHOICES_STEP - 1) / CHOICES_STEP * CHOICES_STEP;
    std::vector<llama_token> choices;
    choices.reserve(choices_.size() * most);
    for (const auto & tokens : choices_) {
        choices.insert(choices.end(), tokens.begin(), tokens.end());
        choices.resize((choices.size() + most - 1) / most * most, tokens.front()); // nobody looks at these
    }
    llama_set_choices(context, choices.data(), most, choosing_.data(), choosing_.size());
    const llama_draws draws{BEST_COUNT, SHARE_BLOCK, drawing_.size(), drawing_.data(), temperatures_.data()};
    llama_set_draws(context, &draws);
    llama_set_embd_rows(context, tensors_.data(), tensors_.size());

    const size_t n = positions_.size();
    std::vector<int32_t> counts(n, 1);
    std::vector<llama_seq_id *> sequences(n);
    for (size_t i = 0; i < n; ++i) sequences[i] = &sequences_[i];
    llama_batch batch{};
    batch.n_tokens = int32_t(n);
    batch.embd     = rows_.data();
    batch.pos      = positions_.data();
    batch.n_seq_id = counts.data();
    batch.seq_id   = sequences.data();
    batch.logits   = outputs_.data();
    return llama_decode(context, batch);
}

} // namespace paligemma
