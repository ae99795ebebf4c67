// Decoded pixels of any layout -> interleaved 8-bit RGB, as Pillow's convert("RGB") does it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace paligemma {

enum class Layout {
    GREY,   // 8 bit
    GREY16, // 16 bit, the machine's byte order
    RGBA,   // alpha is dropped
    CMYK,   // 255 is full ink
};

size_t bytes_per_pixel(Layout layout);

// `rgb`: three times as many bytes as there are pixels.
void to_rgb(const uint8_t * data, size_t pixels, Layout layout, uint8_t * rgb);

} // namespace paligemma
