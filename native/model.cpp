#include "model.h"

#include <algorithm>
#include <stdexcept>

#include "llama-ext.h"
#include "llama-model.h"
#include "log.h"

namespace paligemma {
namespace {

// The file keeps Gemma 2's final softcap for other readers. transformers' PaliGemma 2 leaves it out, and its logits are
// what ours are held against; as it is monotonic, greedy answers do not depend on it.
const llama_model_kv_override NO_FINAL_SOFTCAP[] = {
    {LLAMA_KV_OVERRIDE_TYPE_FLOAT, "gemma2.final_logit_softcapping", {0}},
    {LLAMA_KV_OVERRIDE_TYPE_INT, "", {0}}, // the end
};

} // namespace

Model::Model(const ModelOptions & options, Threads & threads, const std::function<bool(float)> & progress) {
    LogCapture log;

    llama_model_params model_params = llama_model_default_params();
    model_params.n_gpu_layers                = 0;
    model_params.kv_overrides                = NO_FINAL_SOFTCAP;
    model_params.progress_callback_user_data = const_cast<std::function<bool(float)> *>(&progress);
    model_params.progress_callback = [](float done, void * user) { return (*static_cast<std::function<bool(float)> *>(user))(done); };
    model_.reset(llama_model_load_from_file(options.text_path.c_str(), model_params));
    if (!model_) throw std::runtime_error(log.text().empty() ? "the text model does not load" : log.text());
    vocab_ = llama_model_get_vocab(model_.get());

    llama_context_params params = llama_context_default_params();
    params.n_ctx           = uint32_t(options.context_tokens) * options.max_sequences;
    params.n_batch         = options.context_tokens; // a prefix goes in whole
    params.n_ubatch        = options.context_tokens;
    params.n_seq_max       = options.max_sequences;
    params.n_outputs_max   = options.max_sequences; // the last position of each sequence is all that is asked for
    params.n_threads       = threads.count();
    params.n_threads_batch = threads.count();
    params.type_k = params.type_v = options.float32_cache ? GGML_TYPE_F32 : GGML_TYPE_F16;
    params.flash_attn_type     = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.swa_full            = true; // a prefix may be longer than the window and is stored whole
    params.kv_unified          = false;
    params.no_perf             = true;
    params.abort_callback_data = &threads;
    params.abort_callback      = Threads::interrupted;
    context_.reset(llama_init_from_model(model_.get(), params));
    if (!context_) throw std::runtime_error(log.text().empty() ? "not enough memory for the context" : log.text());

    llama_attach_threadpool(context_.get(), threads.pool(), threads.pool());

    const auto lines = tokenize_raw("\n", 1);
    if (lines.size() != 1) throw std::runtime_error("the tokenizer has no token for a line break");
    newline_ = lines[0];
}

int Model::width() const {
    return llama_model_n_embd(model_.get());
}

int Model::vocabulary() const {
    return llama_vocab_n_tokens(vocab_);
}

int Model::context_tokens() const {
    return int(llama_n_ctx_seq(context_.get()));
}

llama_token Model::bos() const {
    return llama_vocab_bos(vocab_);
}

llama_token Model::eos() const {
    return llama_vocab_eos(vocab_);
}

std::vector<llama_token> Model::tokenize_raw(const char * text, size_t length) const {
    std::vector<llama_token> tokens(length + 1);
    int n = llama_tokenize(vocab_, text, int32_t(length), tokens.data(), int32_t(tokens.size()), /*add_special*/ false, /*parse_special*/ false);
    if (n < 0) {
        tokens.resize(size_t(-n));
        n = llama_tokenize(vocab_, text, int32_t(length), tokens.data(), int32_t(tokens.size()), false, false);
    }
    tokens.resize(size_t(std::max(n, 0)));
    return tokens;
}

std::vector<llama_token> Model::tokenize(const std::string & text) const {
    return tokenize_raw(text.data(), text.size());
}

std::string Model::piece(llama_token token) const {
    std::string text(32, '\0');
    int n = llama_token_to_piece(vocab_, token, text.data(), int32_t(text.size()), /*lstrip*/ 0, /*special*/ false);
    if (n < 0) {
        text.resize(size_t(-n));
        n = llama_token_to_piece(vocab_, token, text.data(), int32_t(text.size()), 0, false);
    }
    text.resize(size_t(std::max(n, 0)));
    return text;
}

bool Model::is_byte(llama_token token) const {
    return llama_vocab_get_attr(vocab_, token) & LLAMA_TOKEN_ATTR_BYTE;
}

void Model::embedding(llama_token token, float * out) const {
    const ggml_tensor * table = model_->tok_embd;
    const size_t row = ggml_row_size(table->type, table->ne[0]);
    std::vector<uint8_t> stored(row);
    ggml_backend_tensor_get(table, stored.data(), size_t(token) * table->nb[1], row);
    if (table->type == GGML_TYPE_F32) {
        std::copy_n(reinterpret_cast<const float *>(stored.data()), table->ne[0], out);
    } else {
        ggml_get_type_traits(table->type)->to_float(stored.data(), out, table->ne[0]);
    }
}

size_t Model::cache_bytes() const {
    size_t bytes = 0;
    for (const auto & [type, memory] : llama_get_memory_breakdown(context_.get())) bytes += memory.context;
    return bytes;
}

} // namespace paligemma
