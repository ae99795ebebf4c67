// Pillow's 8-bit bicubic resize, bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace paligemma {

// Scales interleaved 8-bit RGB [height, width, 3] to [size, size, 3], without keeping the aspect ratio: what Pillow's
// Image.resize((size, size), BICUBIC) gives. Memory: a few times the result.
std::vector<uint8_t> resize_bicubic(const uint8_t * rgb, size_t width, size_t height, size_t size);

// Scales float values [in_height, in_width] to [out_height, out_width] and hands on row by row what Pillow's
// resize(..., BILINEAR) gives for an image of mode "F".
void resize_bilinear(const float * values, size_t in_width, size_t in_height, size_t out_width, size_t out_height,
                     const std::function<void(size_t y, const float * row)> & take);

} // namespace paligemma
