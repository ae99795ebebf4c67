// The text model and its context, owned by the engine's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "llama-cpp.h"
#include "threads.h"

namespace paligemma {

struct ModelOptions {
    std::string text_path;
    int         context_tokens; // of one sequence
    int         max_sequences;
    bool        float32_cache;
};

class Model {
public:
    // Loads model.gguf and makes a context. `progress` gets 0..1 and stops the load by returning false. `threads` must
    // outlive the model. Throws std::runtime_error with llama.cpp's reason.
    Model(const ModelOptions & options, Threads & threads, const std::function<bool(float)> & progress);

    llama_context * context() const { return context_.get(); }
    int             width() const;
    int             vocabulary() const;
    int             context_tokens() const;

    llama_token bos() const;
    llama_token eos() const;
    llama_token newline() const { return newline_; }

    // Text to tokens. Locations and other user-defined tokens are recognised; control tokens written as text are text.
    std::vector<llama_token> tokenize(const std::string & text) const;

    // A token's bytes; empty for control and unused tokens.
    std::string piece(llama_token token) const;

    // Whether the token stands for a single byte.
    bool is_byte(llama_token token) const;

    // Copies the token's embedding, as stored, to `out` [width].
    void embedding(llama_token token, float * out) const;

    size_t cache_bytes() const;

private:
    std::vector<llama_token> tokenize_raw(const char * text, size_t length) const;

    llama_model_ptr     model_;
    llama_context_ptr   context_;
    const llama_vocab * vocab_   = nullptr;
    llama_token         newline_ = 0;
};

} // namespace paligemma
