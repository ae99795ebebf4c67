#include "model/prefix.h"

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

int32_t add_prefix(Batch & batch, llama_context * context, llama_seq_id sequence, const Model & model, const Prefix & prefix,
                   const std::vector<Features> & images, Output output) {
    llama_memory_t memory = llama_get_memory(context);
    llama_memory_seq_rm(memory, sequence, -1, -1);
    llama_memory_seq_set_prefix(memory, sequence, llama_pos(prefix.ids.size()));
    llama_pos position = 0;
    for (const Features & image : images) {
        batch.add_rows(image->rows, position, sequence);
        position += llama_pos(image->rows->ne[1]);
    }
    for (; position < llama_pos(prefix.ids.size()); ++position) {
        const bool last = position + 1 == llama_pos(prefix.ids.size());
        model.embedding(prefix.ids[size_t(position)], batch.add(position, sequence, last ? output : Output::NONE));
    }
    return batch.size() - 1;
}

} // namespace paligemma
