#include "detokenizer.h"

namespace paligemma {
namespace {

// Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(const std::string & bytes) {
    for (size_t i = 0; i < bytes.size();) {
        const auto at = [&](size_t k) { return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u; };
        const unsigned first = at(0);
        if (first < 0x80) {
            ++i;
            continue;
        }
        const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
        if (first < 0xC2 || first > 0xF4) return false;
        for (size_t k = 1; k < length; ++k) {
            if ((at(k) & 0xC0) != 0x80) return false;
        }
        const unsigned second = at(1);
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return false;
        if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return false;
        i += length;
    }
    return true;
}

} // namespace

void Detokenizer::add(const Model & model, llama_token token) {
    if (model.is_byte(token)) {
        bytes_ += model.piece(token);
        return;
    }
    const std::string piece = with_marks_ || !model.is_location_or_code(token) ? model.piece(token) : "";
    if (piece.empty()) return; // skipped tokens do not part a run
    end();
    text_ += piece;
}

std::vector<std::string> token_texts(const Model & model, const std::vector<llama_token> & tokens) {
    std::vector<std::string> texts(tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i) {
        Detokenizer one(true);
        while (model.is_byte(tokens[i]) && i + 1 < tokens.size() && model.is_byte(tokens[i + 1])) one.add(model, tokens[i++]);
        one.add(model, tokens[i]);
        one.end();
        texts[i] = one.text();
    }
    return texts;
}

void Detokenizer::end() {
    if (is_utf8(bytes_)) {
        text_ += bytes_;
    } else {
        for (size_t i = 0; i < bytes_.size(); ++i) text_ += "\xEF\xBF\xBD";
    }
    bytes_.clear();
}

} // namespace paligemma
