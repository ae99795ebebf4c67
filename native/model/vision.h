// SigLIP and the projector: pixels -> image features.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.h"
#include "model/features.h"

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

    // Each one's features, where they were computed. Where memory is short, fewer at a time for a while. Throws Failure when
    // encoding fails or is interrupted.
    std::vector<Features> encode(const std::vector<const Pixels *> & images);

private:
    std::vector<Features> encode_together(const Pixels * const * images, size_t count);
    const void * bytes_of(const Pixels * const * images, size_t count);

    struct Free {
        void operator()(clip_ctx * ctx) const;
    };
    std::unique_ptr<clip_ctx, Free> clip_;
    Threads                       & threads_;
    size_t                          at_once_ = 1, most_at_once_ = 1; // images
    ggml_backend_buffer_ptr         staged_; // pictures on their way to the device; locked into memory where the device wants that
    std::optional<FeaturePool>      pool_;
};

} // namespace paligemma
