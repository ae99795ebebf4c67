#include "model/answer.h"

#include <algorithm>

namespace paligemma {

void Answer::add(const Model & model, llama_token token) {
    tokens_.push_back(token);
    detokenizer_.add(model, token);
    find_stop();
}

void Answer::end() {
    detokenizer_.end();
    find_stop();
    ended_ = true;
}

void Answer::find_stop() {
    const std::string & text = detokenizer_.text();
    size_t longest = 0;
    for (const auto & stop : stops_) {
        stop_   = std::min(stop_, text.find(stop, searched_));
        longest = std::max(longest, stop.size());
    }
    if (text.size() >= longest) searched_ = std::max(searched_, text.size() - longest);
}

// How far the text is certain: to the stop, else to where a stop string may have begun.
size_t Answer::safe_length() const {
    const std::string & text = detokenizer_.text();
    if (stopped() || ended_) return std::min(stop_, text.size());
    size_t safe = text.size();
    for (const auto & stop : stops_) {
        for (size_t n = std::min(stop.size() - 1, text.size()); n > 0; --n) {
            if (text.compare(text.size() - n, n, stop, 0, n) == 0) {
                safe = std::min(safe, text.size() - n);
                break;
            }
        }
    }
    return safe;
}

std::string Answer::fresh() {
    const size_t safe = safe_length();
    if (safe <= sent_) return "";
    std::string text = detokenizer_.text().substr(sent_, safe - sent_);
    sent_ = safe;
    return text;
}

} // namespace paligemma
