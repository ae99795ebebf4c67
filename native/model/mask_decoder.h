// Mask codes -> masks: the decoder of PaliGemma's VQ-VAE (big_vision's vae-oid, after arXiv 2301.02229) as a ggml graph.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/threads.h"
#include "ggml-cpp.h"

namespace paligemma {

using MaskCodes = std::array<int32_t, 16>; // 0..127, in raster order of 4 x 4

class MaskDecoder {
public:
    static constexpr int SIZE = 64; // pixels on each side of a mask

    // Reads the decoder's weights from mmproj.gguf; null when the file has none. Throws std::runtime_error when it cannot
    // be read. `threads` must outlive the decoder.
    static std::unique_ptr<MaskDecoder> load(const std::string & path, Threads & threads);

    // Writes [64, 64] values; a mask's opacity is clip(value / 2 + 0.5, 0, 1). Throws Failure.
    void decode(const MaskCodes & codes, float * values);

private:
    explicit MaskDecoder(Threads & threads);

    ggml_tensor * weight(const std::string & name) const;
    ggml_tensor * build(ggml_context * graph, ggml_tensor * codes) const;

    ggml_backend_ptr        backend_;
    ggml_context_ptr        weights_;
    ggml_backend_buffer_ptr buffer_;
};

} // namespace paligemma
