// Input rows for one llama_decode.
#pragma once

#include <vector>

#include "base/failure.h"
#include "base/faults.h"
#include "llama.h"

namespace paligemma {

// What of a row's result comes back: its logits, or the most probable token alone, which is found where the logits are.
enum class Output : int8_t { NONE = 0, LOGITS = 1, TOKEN = 2 };

class Batch {
public:
    void add(llama_pos position, llama_seq_id sequence, Output output) {
        positions_.push_back(position);
        sequences_.push_back(sequence);
        outputs_.push_back(int8_t(output));
    }

    // `rows` [count, width]. Returns llama_decode's status: 0 done, 2 interrupted, -2 without memory, else failed.
    int decode(llama_context * context, const std::vector<float> & rows) {
        const size_t n = positions_.size();
        std::vector<int32_t> counts(n, 1);
        std::vector<llama_seq_id *> sequences(n);
        for (size_t i = 0; i < n; ++i) sequences[i] = &sequences_[i];
        llama_batch batch{};
        batch.n_tokens = int32_t(n);
        batch.embd     = const_cast<float *>(rows.data()); // llama.cpp only reads it
        batch.pos      = positions_.data();
        batch.n_seq_id = counts.data();
        batch.seq_id   = sequences.data();
        batch.logits   = outputs_.data();
        switch (fault_at("decode")) {
            case Fault::NONE:   break;
            case Fault::MEMORY: return -2;
            case Fault::ERROR:  return -3;
        }
        return llama_decode(context, batch);
    }

private:
    std::vector<llama_pos>    positions_;
    std::vector<llama_seq_id> sequences_;
    std::vector<int8_t>       outputs_;
};

// Starts sequences with prefixes of the same length: the rows of one bidirectional block each. Returns llama_decode's status;
// the result of the i-th prefix's last position, as `outputs` asks for it, is at (i + 1) * tokens - 1.
inline int decode_prefixes(llama_context * context, const std::vector<int> & sequences, size_t tokens, const std::vector<float> & rows,
                           const std::vector<Output> & outputs) {
    llama_memory_t memory = llama_get_memory(context);
    Batch batch;
    for (size_t s = 0; s < sequences.size(); ++s) {
        const llama_seq_id sequence = sequences[s];
        llama_memory_seq_rm(memory, sequence, -1, -1);
        llama_memory_seq_set_prefix(memory, sequence, llama_pos(tokens));
        for (size_t i = 0; i < tokens; ++i) batch.add(llama_pos(i), sequence, i + 1 == tokens ? outputs[s] : Output::NONE);
    }
    return batch.decode(context, rows);
}

} // namespace paligemma
