#include "model/constraint.h"

#include <cmath>
#include <set>

namespace paligemma {

Constraint::Constraint(const Model & model, std::vector<std::string> labels, bool segment) : model_(model), segment_(segment) {
    for (const auto & label : labels) tails_.push_back(" " + label + separator_);
    start_ = model_.locations();
    start_.push_back(model_.eos());
}

void Constraint::apply(std::vector<float> & logits) const {
    std::vector<float> kept(logits.size(), -INFINITY);
    for (llama_token token : allowed()) kept[size_t(token)] = logits[size_t(token)];
    logits = std::move(kept);
}

const std::vector<llama_token> & Constraint::allowed() const {
    if (part_ == CODES) return model_.mask_codes();
    if (part_ == LOCATIONS) return first_ ? start_ : model_.locations();
    auto [found, fresh] = known_.try_emplace(text_);
    if (fresh) found->second = allowed_text();
    return found->second;
}

// Tokens whose text keeps the object's text on the way to one of the tails; the end, where a label is complete.
std::vector<llama_token> Constraint::allowed_text() const {
    std::set<llama_token> tokens;
    for (const auto & tail : tails_) {
        if (tail.size() <= text_.size() || tail.compare(0, text_.size(), text_) != 0) continue;
        const std::string left = tail.substr(text_.size());
        for (llama_token token : model_.starting_with(static_cast<unsigned char>(left[0]))) {
            const std::string piece = model_.piece(token);
            if (left.compare(0, piece.size(), piece) == 0) tokens.insert(token);
        }
        if (left == separator_) tokens.insert(model_.eos());
    }
    return {tokens.begin(), tokens.end()};
}

void Constraint::accept(llama_token token) {
    first_ = false;
    if (part_ == LOCATIONS && ++count_ == 4) {
        part_  = segment_ ? CODES : TEXT;
        count_ = 0;
    } else if (part_ == CODES && ++count_ == 16) {
        part_  = TEXT;
        count_ = 0;
    } else if (part_ == TEXT) {
        text_ += model_.piece(token);
        for (const auto & tail : tails_) {
            if (tail != text_) continue;
            part_ = LOCATIONS;
            text_.clear();
            break;
        }
    }
}

} // namespace paligemma
