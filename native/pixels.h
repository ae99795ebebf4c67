// Decoded pixels of any layout -> interleaved 8-bit RGB, as Pillow's convert("RGB") does it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace paligemma {

enum class Layout {
    GREY,   // 8 bit
    GREY16, // 16 bit, the machine's byte order
    RGBA,   // alpha is dropped
    CMYK,   // 255 is full ink
};

size_t bytes_per_pixel(Layout layout);

std::vector<uint8_t> to_rgb(const uint8_t * data, size_t pixels, Layout layout);

} // namespace paligemma
