#include "model/detokenizer.h"

#include "base/utf8.h"

namespace paligemma {

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
