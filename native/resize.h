// Pillow's 8-bit bicubic resize, bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace paligemma {

// Scales interleaved 8-bit RGB [height, width, 3] to [size, size, 3], without keeping the aspect ratio: what Pillow's
// Image.resize((size, size), BICUBIC) gives. Memory: one intermediate image of [height, size, 3].
std::vector<uint8_t> resize_bicubic(const uint8_t * rgb, size_t width, size_t height, size_t size);

} // namespace paligemma
