// Input rows for one llama_decode.
#pragma once

#include <vector>

#include "llama.h"

namespace paligemma {

// What of a row's result comes back. The most probable token is found where the logits are, and of some tokens' logits (CHOICES)
// only these travel. For draws at a temperature the largest logits do (BEST), or what blocks of tokens have together (SHARES).
enum class Output : int8_t { NONE = 0, LOGITS = 1, TOKEN = 2, CHOICES = 3, BEST = 4, SHARES = 5 };

constexpr int BEST_COUNT  = 128; // logits: more than the usual top-k, and than most top-p leave
constexpr int SHARE_BLOCK = 512; // tokens: about as many blocks are there, and two lists as short as they can be

class Batch {
public:
    // `rows`: about as many as will be added one by one.
    Batch(int width, size_t rows) : width_(size_t(width)) { rows_.reserve(width_ * rows); }

    // The next row, in host memory: [width], all zeros until it is filled in. Valid until the next one is added.
    float * add(llama_pos position, llama_seq_id sequence, Output output);
    // The next rows, which lie in a tensor on any device: [width, rows]. Nothing of their result comes back.
    void add_rows(const ggml_tensor * rows, llama_pos position, llama_seq_id sequence);
    // Whose logits come back for the last row (CHOICES).
    void choose(const std::vector<llama_token> & tokens);
    // At which temperature the next token is drawn from the last row (BEST, SHARES).
    void draw(float temperature);

    int32_t size() const { return int32_t(positions_.size()); }

    // Returns llama_decode's status: 0 done, 2 interrupted, -2 without memory, else failed.
    int decode(llama_context * context);

private:
    const size_t                          width_;
    std::vector<llama_pos>                positions_;
    std::vector<llama_seq_id>             sequences_;
    std::vector<int8_t>                   outputs_;
    std::vector<float>                    rows_; // of those that do not lie in tensors
    std::vector<llama_embd_rows>          tensors_;
    std::vector<std::vector<llama_token>> choices_;
    std::vector<int32_t>                  choosing_; // rows
    std::vector<int32_t>                  drawing_;  // rows
    std::vector<float>                    temperatures_;
};

} // namespace paligemma
