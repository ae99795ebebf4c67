// What an engine is loaded with.
#pragma once

#include <string>

#include "model/model.h"

namespace paligemma {

struct EngineOptions {
    std::string    text_path;
    std::string    vision_path;
    std::string    device; // ggml's name of a graphics card; empty: the processor
    int            threads;
    ContextOptions context;
    size_t         vision_batch_tokens; // images are encoded together as far as they have this many
    llama_token    image_token;
    size_t         feature_cache_bytes;
    bool           map_weights; // use the file's pages as they are, shared with other processes
};

} // namespace paligemma
