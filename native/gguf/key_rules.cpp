#include "gguf/key_rules.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdio>

#include "gguf/refusal.h"

namespace paligemma {
namespace {

constexpr bool REQUIRED = true;

// Ranges leave room above the largest models there are, and end where a small file could ask for more memory than there is.
KeyRule count(std::string key, double least, double most, bool required = REQUIRED) {
    return {std::move(key), GGUF_TYPE_UINT32, GGUF_TYPE_COUNT, least, most, {}, required};
}
KeyRule number(std::string key, double least, double most, bool required = REQUIRED) {
    return {std::move(key), GGUF_TYPE_FLOAT32, GGUF_TYPE_COUNT, least, most, {}, required};
}
KeyRule truth(std::string key, bool required = false) {
    return {std::move(key), GGUF_TYPE_BOOL, GGUF_TYPE_COUNT, 0, 1, {}, required};
}
KeyRule always(bool value, std::string key, bool required = false) {
    return {std::move(key), GGUF_TYPE_BOOL, GGUF_TYPE_COUNT, double(value), double(value), {}, required};
}
KeyRule text(std::string key, std::string only = {}, bool required = false) {
    return {std::move(key), GGUF_TYPE_STRING, GGUF_TYPE_COUNT, 0, 0, std::move(only), required};
}
KeyRule array(std::string key, gguf_type of, bool required = REQUIRED) {
    return {std::move(key), GGUF_TYPE_ARRAY, of, 0, 0, {}, required};
}

// What is read of general.*; the rest is for people.
std::vector<KeyRule> general_rules() {
    return {text("general.architecture", {}, REQUIRED), text("general.name"), text("general.description"), text("general.license"),
            count("general.file_type", 0, UINT32_MAX, false)};
}

std::vector<KeyRule> tokenizer_rules() {
    const std::string t = "tokenizer.ggml.";
    std::vector<KeyRule> rules = {
        text(t + "model", "llama", REQUIRED), // SentencePiece
        text(t + "pre"),
        array(t + "tokens", GGUF_TYPE_STRING),
        array(t + "scores", GGUF_TYPE_FLOAT32),
        array(t + "token_type", GGUF_TYPE_INT32),
        count(t + "bos_token_id", 0, UINT32_MAX),
        count(t + "eos_token_id", 0, UINT32_MAX),
        count(t + "token_type_count", 0, UINT32_MAX, false),
    };
    for (const char * flag : {"add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix", "remove_extra_whitespaces",
                              "normalizer.lowercase", "normalizer.strip_accents"}) {
        rules.push_back(truth(t + flag));
    }
    // llama.cpp passes over those outside the vocabulary.
    for (const char * token : {"eot", "eom", "unknown", "seperator", "separator", "padding", "cls", "mask", "fim_pre", "fim_suf", "fim_mid",
                               "fim_pad", "fim_rep", "fim_sep", "prefix", "suffix", "middle"}) {
        rules.push_back(count(t + token + "_token_id", 0, UINT32_MAX, false));
    }
    return rules;
}

// Read for other kinds of tokenizers only, or by programs that chat.
bool is_unread(const std::string & key) {
    for (const char * prefix : {"tokenizer.chat_template", "tokenizer.huggingface.", "tokenizer.ggml.merges", "tokenizer.ggml.precompiled_charsmap"}) {
        if (key.rfind(prefix, 0) == 0) return true;
    }
    return false;
}

std::string type_name(gguf_type type, gguf_type of) {
    return type == GGUF_TYPE_ARRAY ? std::string("an array of ") + gguf_type_name(of) : gguf_type_name(type);
}

std::string show(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.10g", value);
    return text;
}

void judge_number(const std::string & path, const KeyRule & rule, double value) {
    if (value >= rule.least && value <= rule.most) return; // false of NaN
    if (rule.type == GGUF_TYPE_BOOL) {
        throw unsupported(path, rule.key + " is " + (value ? "true" : "false") + ", expected " + (rule.least ? "true" : "false"));
    }
    const char * kind = rule.type == GGUF_TYPE_FLOAT32 ? "a number" : "a whole number";
    throw invalid(path, rule.key + " is " + show(value) + ", expected " + kind + " from " + show(rule.least) + " to " + show(rule.most));
}

void judge_value(const std::string & path, const KeyRule & rule, const GgufValue & value) {
    if (value.type != rule.type || (rule.type == GGUF_TYPE_ARRAY && value.of != rule.of)) {
        throw invalid(path, rule.key + " is " + type_name(value.type, value.of) + ", expected " + type_name(rule.type, rule.of));
    }
    if (rule.type == GGUF_TYPE_STRING) {
        if (!rule.only.empty() && value.text != rule.only) throw unsupported(path, rule.key + " is \"" + value.text + "\", expected \"" + rule.only + '"');
    } else if (rule.type != GGUF_TYPE_ARRAY) {
        judge_number(path, rule, value.number);
    }
}

} // namespace

std::vector<KeyRule> text_rules(const std::string & architecture) {
    const std::string a = architecture + ".";
    std::vector<KeyRule> rules = {
        count(a + "context_length", 1, 1 << 24),
        count(a + "embedding_length", 1, 1 << 16),
        count(a + "block_count", 1, 256),
        count(a + "feed_forward_length", 1, 1 << 16),
        count(a + "attention.head_count", 1, 128),
        count(a + "attention.head_count_kv", 1, 128),
        count(a + "attention.key_length", 2, 1024),
        count(a + "attention.value_length", 2, 1024),
        number(a + "attention.layer_norm_rms_epsilon", 1e-30, 1),
        count(a + "rope.dimension_count", 1, UINT32_MAX, false),
        number(a + "rope.freq_base", 1, 1e12, false),
        count(a + "vocab_size", 0, UINT32_MAX, false),
        always(true, a + "attention.causal"),
        // of files that were in several pieces and were put together
        {"split.no", GGUF_TYPE_UINT16, GGUF_TYPE_COUNT, 0, 0, {}, false},
        {"split.count", GGUF_TYPE_UINT16, GGUF_TYPE_COUNT, 0, 1, {}, false},
        {"split.tensors.count", GGUF_TYPE_INT32, GGUF_TYPE_COUNT, 0, INT32_MAX, {}, false},
    };
    if (architecture == "gemma2") {
        rules.push_back(number(a + "attn_logit_softcapping", 1e-6, 1e6, false));
        rules.push_back(number(a + "final_logit_softcapping", 1e-6, 1e6, false));
        rules.push_back(number(a + "attention.scale", 1e-6, 1e6, false));
        rules.push_back(count(a + "attention.sliding_window", 1, 1 << 24, false));
    }
    for (auto && more : {general_rules(), tokenizer_rules()}) rules.insert(rules.end(), more.begin(), more.end());
    return rules;
}

std::vector<KeyRule> vision_rules() {
    const std::string v = "clip.vision.";
    std::vector<KeyRule> rules = {
        always(true, "clip.has_vision_encoder", REQUIRED),
        always(false, "clip.has_audio_encoder"),
        always(false, "clip.has_gen_audio_encoder"),
        always(true, "clip.use_gelu", REQUIRED), // the tanh form, which SigLIP has
        always(false, "clip.use_silu"),
        text("clip.projector_type", "paligemma", REQUIRED),
        text(v + "projector_type", "paligemma"),
        count(v + "image_size", 1, 4096),
        count(v + "patch_size", 1, 64),
        count(v + "embedding_length", 1, 1 << 16),
        count(v + "feed_forward_length", 1, 1 << 16),
        count(v + "block_count", 1, 256),
        count(v + "attention.head_count", 1, 128),
        count(v + "projection_dim", 0, INT32_MAX),
        number(v + "attention.layer_norm_epsilon", 1e-30, 1),
        array(v + "image_mean", GGUF_TYPE_FLOAT32),
        array(v + "image_std", GGUF_TYPE_FLOAT32),
        count("paligemma.image_token_id", 0, 1 << 24, false),
    };
    for (auto && more : general_rules()) rules.push_back(more);
    return rules;
}

void judge_keys(const GgufHeader & header, const std::vector<KeyRule> & rules, const std::vector<std::string> & spaces) {
    for (const KeyRule & rule : rules) {
        const GgufValue * value = header.find(rule.key);
        if (value) judge_value(header.path, rule, *value);
        if (!value && rule.required) throw invalid(header.path, "it has no " + rule.key);
    }
    for (const auto & [key, value] : header.values) {
        const auto begins = [&key = key](const std::string & space) { return key.rfind(space, 0) == 0; };
        const auto names  = [&key = key](const KeyRule & rule) { return rule.key == key; };
        if (std::none_of(spaces.begin(), spaces.end(), begins) || std::any_of(rules.begin(), rules.end(), names) || is_unread(key)) continue;
        throw unsupported(header.path, "it has the key " + key + ", by which it would not be computed as a PaliGemma");
    }
}

} // namespace paligemma
