// SigLIP and the projector: pixels -> image features.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/threads.h"

struct clip_ctx;

namespace paligemma {

// A resized picture, interleaved 8-bit RGB [size, size, 3].
using Pixels = std::vector<uint8_t>;

// What the vision tower sees: planar float [3, size, size], value / 127.5 - 1.
std::vector<float> normalise(const Pixels & pixels);

class Vision {
public:
    // Loads mmproj.gguf into the memory of `card`; null: of the processor. Images are encoded together as far as they have
    // `batch_tokens` tokens. `threads` must outlive it. Throws std::runtime_error with llama.cpp's reason.
    Vision(const std::string & path, ggml_backend_dev_t card, size_t batch_tokens, Threads & threads);

    int image_size() const;
    int tokens() const; // features per image
    int width() const;  // values per feature: the text model's width

    // Features [images, tokens, width] in the projector's own scale. Where memory is short, fewer at a time for a while. Throws
    // Failure when encoding fails or is interrupted.
    std::vector<float> encode(const std::vector<const Pixels *> & images);

private:
    std::vector<float> encode_together(const Pixels * const * images, size_t count);

    struct Free {
        void operator()(clip_ctx * ctx) const;
    };
    std::unique_ptr<clip_ctx, Free> clip_;
    Threads                       & threads_;
    size_t                          at_once_ = 1, most_at_once_ = 1; // images
};

} // namespace paligemma
