// Image features and prompt tokens -> the prefix that the text model reads in one block.
#pragma once

#include <string>
#include <vector>

#include "model/batch.h"
#include "model/features.h"
#include "model/model.h"

namespace paligemma {

struct Prefix {
    std::vector<llama_token> ids;        // as the reference's processor gives them
    size_t                   image_tokens = 0;
};

// <image> * (images * tokens per image), <bos>, the prompt, and a line break as a token of its own. `image_token` only
// stands in the ids: its place is taken by features.
Prefix make_prefix(const Model & model, const std::string & prompt, size_t image_tokens, llama_token image_token);

// Starts `sequence` anew with a prefix, as one bidirectional block. Returns the row of `batch` whose result is that of its last
// position, as `output` asks for it.
int32_t add_prefix(Batch & batch, llama_context * context, llama_seq_id sequence, const Model & model, const Prefix & prefix,
                   const std::vector<Features> & images, Output output);

} // namespace paligemma
