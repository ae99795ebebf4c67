// The text model's weights and vocabulary, owned by the engine's thread, and the contexts that compute with them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/threads.h"
#include "llama-cpp.h"

namespace paligemma {

struct ContextOptions {
    int  tokens;        // of one sequence; of all together when shared
    int  max_sequences;
    bool float32_cache;
    bool shared = false; // sequences share cells, so that copying one costs nothing
    int  batch  = 0;     // most tokens computed at once, if not as many as a sequence may have
};

class Model {
public:
    // Loads model.gguf into the memory of `card`; null: of the processor. `progress` gets 0..1 and stops the load by returning false. `threads` must outlive the model.
    // Throws std::runtime_error with llama.cpp's reason.
    Model(const std::string & path, bool map, ggml_backend_dev_t card, Threads & threads, const std::function<bool(float)> & progress);

    // Throws Failure when there is not enough memory.
    llama_context_ptr make_context(const ContextOptions & options) const;

    int width() const;
    int vocabulary() const;

    // Where logits lie so far away that it pays to bring few of them.
    bool on_card() const;

    llama_token bos() const;
    llama_token eos() const;
    llama_token newline() const { return newline_; }

    // Text to tokens. Locations and other user-defined tokens are recognised; control tokens written as text are text.
    std::vector<llama_token> tokenize(const std::string & text) const;

    // A token's bytes; empty for control and unused tokens.
    std::string piece(llama_token token) const;

    // Whether the token stands for a single byte.
    bool is_byte(llama_token token) const;

    // <loc0000> to <loc1023> and <seg000> to <seg127> by number; empty where the vocabulary has none.
    const std::vector<llama_token> & locations() const { return locations_; }
    const std::vector<llama_token> & mask_codes() const { return mask_codes_; }
    bool                             is_location_or_code(llama_token token) const { return marks_.count(token) > 0; }

    // Tokens whose text begins with this byte, locations and mask codes left out.
    const std::vector<llama_token> & starting_with(unsigned char byte) const;

    // Copies the token's embedding, as stored, to `out` [width].
    void embedding(llama_token token, float * out) const;

private:
    std::vector<llama_token> numbered(const char * format, int count) const;

    Threads                       & threads_;
    ggml_backend_dev_t              card_;
    llama_model_ptr                 model_;
    const llama_vocab             * vocab_   = nullptr;
    llama_token                     newline_ = 0;
    std::vector<llama_token>        locations_, mask_codes_;
    std::unordered_set<llama_token> marks_;

    mutable std::vector<std::vector<llama_token>> by_first_byte_; // made when first asked for
};

// Bytes of a context: its keys and values, and what it computes in.
struct ContextBytes {
    size_t cache = 0, compute = 0;
};
ContextBytes context_bytes(const llama_context * context);

} // namespace paligemma
