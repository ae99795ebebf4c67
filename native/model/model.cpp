#include "model/model.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "base/as_card.h"
#include "base/failure.h"
#include "base/log.h"
#include "llama-ext.h"
#include "llama-model.h"

namespace paligemma {
namespace {

// The file keeps Gemma 2's final softcap for other readers. transformers' PaliGemma 2 leaves it out, and its logits are
// what ours are held against; as it is monotonic, greedy answers do not depend on it.
//
// llama.cpp changes tokens of models whose name or kind of tokenizer reminds it of others (Phi-3, Jina): it gets to see neither.
const llama_model_kv_override OVERRIDES[] = {
    {LLAMA_KV_OVERRIDE_TYPE_FLOAT, "gemma2.final_logit_softcapping", {0}},
    {LLAMA_KV_OVERRIDE_TYPE_STR, "general.name", {0}},
    {LLAMA_KV_OVERRIDE_TYPE_STR, "tokenizer.ggml.pre", {0}},
    {LLAMA_KV_OVERRIDE_TYPE_INT, "", {0}}, // the end
};

} // namespace

Model::Model(const std::string & path, bool map, ggml_backend_dev_t card, Threads & threads, const std::function<bool(float)> & progress)
    : threads_(threads), card_(card) {
    LogCapture log;

    llama_model_params params = llama_model_default_params();
    ggml_backend_dev_t cards[]         = {card, nullptr}; // all of it on one card, or nothing on any
    params.devices                     = cards;
    params.split_mode                  = LLAMA_SPLIT_MODE_NONE;
    params.n_gpu_layers                = card ? -1 : 0;
    params.use_extra_bufts             = !map; // ggml's rearranged copies; else weights stay as they lie in the file
    params.load_mode                   = map ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
    params.kv_overrides                = OVERRIDES;
    params.progress_callback_user_data = const_cast<std::function<bool(float)> *>(&progress);
    params.progress_callback = [](float done, void * user) { return (*static_cast<std::function<bool(float)> *>(user))(done); };
    model_.reset(llama_model_load_from_file(path.c_str(), params));
    if (!model_) throw std::runtime_error(log.text().empty() ? "the text model does not load" : log.text());
    vocab_ = llama_model_get_vocab(model_.get());

    const auto lines = tokenize("\n");
    if (lines.size() != 1) throw std::runtime_error("the tokenizer has no token for a line break");
    newline_    = lines[0];
    locations_  = numbered("<loc%04d>", 1024);
    mask_codes_ = numbered("<seg%03d>", 128);
    marks_.insert(locations_.begin(), locations_.end());
    marks_.insert(mask_codes_.begin(), mask_codes_.end());
}

llama_context_ptr Model::make_context(const ContextOptions & options) const {
    LogCapture log;
    llama_context_params params = llama_context_default_params();
    const uint32_t cells = GGML_PAD(uint32_t(options.tokens), 256u); // what llama.cpp makes of it anyway
    params.n_ctx           = cells * uint32_t(options.shared ? 1 : options.max_sequences);
    // A prefix goes in whole, or a token of each sequence. What is computed in grows with this.
    params.n_batch         = std::max(options.batch > 0 ? GGML_PAD(uint32_t(options.batch), 32u) : cells, uint32_t(options.max_sequences));
    params.n_ubatch        = params.n_batch;
    params.n_seq_max       = options.max_sequences;
    params.n_outputs_max   = options.max_sequences; // the last position of each sequence is all that is asked for
    params.n_threads       = threads_.count();
    params.n_threads_batch = threads_.count();
    params.type_k = params.type_v = options.float32_cache ? GGML_TYPE_F32 : GGML_TYPE_F16;
    // On the processor it is slower and less exact than two multiplications.
    params.flash_attn_type     = card_ ? LLAMA_FLASH_ATTN_TYPE_AUTO : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.offload_kqv         = card_ != nullptr;
    params.op_offload          = card_ != nullptr;
    params.swa_full            = true; // a prefix may be longer than the window and is stored whole
    params.kv_unified          = options.shared;
    params.no_perf             = true;
    params.abort_callback_data = &threads_;
    params.abort_callback      = Threads::interrupted;
    llama_context_ptr context(llama_init_from_model(model_.get(), params));
    if (!context) throw Failure(Cause::MEMORY, log.text().empty() ? "not enough memory for the context" : log.text());
    llama_set_argmax(context.get(), !options.shared); // beam search looks at all logits
    llama_attach_threadpool(context.get(), threads_.pool(), threads_.pool());
    return context;
}

// Tokens of a numbered series, or none when one of them is not a token of its own.
std::vector<llama_token> Model::numbered(const char * format, int count) const {
    std::vector<llama_token> tokens;
    char text[16];
    for (int i = 0; i < count; ++i) {
        std::snprintf(text, sizeof(text), format, i);
        const auto found = tokenize(text);
        if (found.size() != 1) return {};
        tokens.push_back(found[0]);
    }
    return tokens;
}

int Model::width() const {
    return llama_model_n_embd(model_.get());
}

bool Model::on_card() const {
    return as_on_card("draws", card_ != nullptr);
}

int Model::vocabulary() const {
    return llama_vocab_n_tokens(vocab_);
}

llama_token Model::bos() const {
    return llama_vocab_bos(vocab_);
}

llama_token Model::eos() const {
    return llama_vocab_eos(vocab_);
}

std::vector<llama_token> Model::tokenize(const std::string & text) const {
    std::vector<llama_token> tokens(text.size() + 1);
    const auto run = [&] {
        return llama_tokenize(vocab_, text.data(), int32_t(text.size()), tokens.data(), int32_t(tokens.size()), /*add_special*/ false, /*parse_special*/ false);
    };
    int n = run();
    if (n < 0) {
        tokens.resize(size_t(-n));
        n = run();
    }
    tokens.resize(size_t(std::max(n, 0)));
    return tokens;
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

const std::vector<llama_token> & Model::starting_with(unsigned char byte) const {
    if (by_first_byte_.empty()) {
        by_first_byte_.resize(256);
        for (llama_token token = 0; token < vocabulary(); ++token) {
            const std::string text = piece(token);
            if (!text.empty() && !is_location_or_code(token)) by_first_byte_[static_cast<unsigned char>(text[0])].push_back(token);
        }
    }
    return by_first_byte_[byte];
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

ContextBytes context_bytes(const llama_context * context) {
    ContextBytes bytes;
    for (const auto & [type, memory] : llama_get_memory_breakdown(context)) {
        bytes.cache += memory.context;
        bytes.compute += memory.compute;
    }
    return bytes;
}

} // namespace paligemma
