#include "gguf/vocabulary.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unordered_map>

#include "base/utf8.h"
#include "gguf/refusal.h"
#include "llama.h"

namespace paligemma {
namespace {

constexpr size_t LONGEST_TOKEN = 1 << 16; // bytes

using Ids = std::unordered_map<std::string, size_t>;

std::string byte_token(unsigned byte) {
    char text[8];
    std::snprintf(text, sizeof(text), "<0x%02X>", byte);
    return text;
}

std::string number(size_t value) {
    return std::to_string(value);
}

// llama.cpp cuts texts at a zero byte.
Ids judge_texts(const std::string & path, const std::vector<std::string> & tokens) {
    Ids ids;
    ids.reserve(tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i) {
        const std::string & text = tokens[i];
        if (text.empty()) throw invalid(path, "token " + number(i) + " is empty");
        if (text.size() > LONGEST_TOKEN) throw invalid(path, "token " + number(i) + " has " + number(text.size()) + " bytes");
        if (text.find('\0') != std::string::npos || !is_utf8(text)) throw invalid(path, "token " + number(i) + " is no text in UTF-8");
        const auto [other, fresh] = ids.emplace(text, i);
        if (!fresh) throw invalid(path, "its tokens are not all different ones: " + number(other->second) + " and " + number(i) + " are equal");
    }
    return ids;
}

// A text that no token has is made of bytes.
void judge_bytes(const std::string & path, const Ids & ids) {
    for (unsigned byte = 0; byte < 256; ++byte) {
        if (!ids.count(byte_token(byte)) && !ids.count(std::string(1, char(byte)))) throw invalid(path, "it has no token " + byte_token(byte));
    }
}

void judge_types(const std::string & path, const std::vector<std::string> & tokens, const std::vector<int32_t> & types) {
    for (size_t i = 0; i < tokens.size(); ++i) {
        if (types[i] < LLAMA_TOKEN_TYPE_UNDEFINED || types[i] > LLAMA_TOKEN_TYPE_BYTE) {
            throw invalid(path, "tokenizer.ggml.token_type of token " + number(i) + " is " + std::to_string(types[i]) + ", expected 0 to 6");
        }
        if (types[i] != LLAMA_TOKEN_TYPE_BYTE) continue;
        unsigned byte = 256;
        if (tokens[i].size() != 6 || std::sscanf(tokens[i].c_str(), "<0x%2X>", &byte) != 1 || tokens[i] != byte_token(byte)) {
            throw invalid(path, "token " + number(i) + " is to be a byte, and is \"" + tokens[i].substr(0, 64) + '"');
        }
    }
}

void judge_length(const GgufHeader & header, const std::string & key, size_t rows) {
    const size_t length = header.find(key)->length;
    if (length != rows) throw invalid(header.path, key + " has " + number(length) + " entries for " + number(rows) + " tokens");
}

} // namespace

size_t judge_vocabulary(const GgufHeader & header) {
    const std::string t = "tokenizer.ggml.";
    const GgufValue & texts = *header.find(t + "tokens");
    const size_t rows = texts.length;
    if (rows == 0) throw invalid(header.path, "its vocabulary is empty");
    judge_length(header, t + "scores", rows);
    judge_length(header, t + "token_type", rows);
    for (const char * key : {"bos_token_id", "eos_token_id"}) {
        const double id = header.find(t + key)->number;
        if (id >= double(rows)) throw invalid(header.path, t + key + " " + number(size_t(id)) + " lies outside the vocabulary of " + number(rows));
    }

    const auto tokens = read_texts(header, texts);
    judge_bytes(header.path, judge_texts(header.path, tokens));
    judge_types(header.path, tokens, read_numbers<int32_t>(header, *header.find(t + "token_type")));
    const auto scores = read_numbers<float>(header, *header.find(t + "scores"));
    const auto broken = std::find_if_not(scores.begin(), scores.end(), [](float score) { return std::isfinite(score); });
    if (broken != scores.end()) throw invalid(header.path, t + "scores of token " + number(size_t(broken - scores.begin())) + " is no finite number");
    return rows;
}

} // namespace paligemma
