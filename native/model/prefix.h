// Image features and prompt tokens -> the prefix that the text model reads in one block.
#pragma once

#include <string>
#include <vector>

#include "model/model.h"

namespace paligemma {

struct Prefix {
    std::vector<llama_token> ids;        // as the reference's processor gives them
    size_t                   image_tokens = 0;
};

// <image> * (images * tokens per image), <bos>, the prompt, and a line break as a token of its own. `image_token` only
// stands in the ids: its place is taken by features.
Prefix make_prefix(const Model & model, const std::string & prompt, size_t image_tokens, llama_token image_token);

// The prefix as the graph wants it: [tokens, width]. llama.cpp multiplies every input row by sqrt(width), as Gemma does
// with text, while image features enter Gemma as they are; so they are divided by it here.
std::vector<float> embed(const Model & model, const Prefix & prefix, const std::vector<float> & features);

} // namespace paligemma
