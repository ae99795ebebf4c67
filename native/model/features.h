// Image features where they were computed: in the memory of the card, or of the processor. They never pass through the host on
// their way into the text model.
#pragma once

#include <memory>
#include <vector>

#include "ggml-cpp.h"

namespace paligemma {

// Of one picture.
struct ImageFeatures {
    ggml_tensor * rows;   // float32 [width, tokens], as the text model takes them: divided by sqrt(width)
    bool          finite; // no NaN, no infinity

    // In the projector's own scale: [tokens, width].
    std::vector<float> values() const;
};
using Features = std::shared_ptr<const ImageFeatures>;

// Hands out memory for features, a block for several pictures at a time, and takes it back with the last owner, on any thread.
class FeaturePool {
public:
    FeaturePool(ggml_backend_buffer_type_t memory, int width, int tokens);

    // For a picture; what is in it is anything. Throws Failure when there is no memory.
    std::shared_ptr<ImageFeatures> take();

private:
    struct Block;
    struct Blocks;

    ggml_backend_buffer_type_t memory_;
    int                        width_, tokens_;
    std::shared_ptr<Blocks>    blocks_; // those who own features give them back, even after the pool is gone
};

} // namespace paligemma
