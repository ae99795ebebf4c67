#include "model/prefix.h"

#include <cmath>

namespace paligemma {

Prefix make_prefix(const Model & model, const std::string & prompt, size_t image_tokens, llama_token image_token) {
    const auto text = model.tokenize(prompt);
    Prefix prefix;
    prefix.image_tokens = image_tokens;
    prefix.ids.reserve(image_tokens + text.size() + 2);
    prefix.ids.assign(image_tokens, image_token);
    prefix.ids.push_back(model.bos());
    prefix.ids.insert(prefix.ids.end(), text.begin(), text.end());
    prefix.ids.push_back(model.newline());
    return prefix;
}

std::vector<float> embed(const Model & model, const Prefix & prefix, const std::vector<float> & features) {
    const size_t width = size_t(model.width());
    const float  scale = std::sqrt(float(width));
    std::vector<float> rows(prefix.ids.size() * width);
    for (size_t i = 0; i < prefix.image_tokens * width; ++i) rows[i] = features[i] / scale;
    for (size_t i = prefix.image_tokens; i < prefix.ids.size(); ++i) model.embedding(prefix.ids[i], &rows[i * width]);
    return rows;
}

} // namespace paligemma
