#include "image/pixels.h"

#include <algorithm>
#include <cstring>

namespace paligemma {

size_t bytes_per_pixel(Layout layout) {
    switch (layout) {
        case Layout::GREY:   return 1;
        case Layout::GREY16: return 2;
        default:             return 4;
    }
}

void to_rgb(const uint8_t * data, size_t pixels, Layout layout, uint8_t * rgb) {
    uint8_t * to = rgb;
    const size_t step = bytes_per_pixel(layout);
    for (const uint8_t * from = data; from != data + pixels * step; from += step, to += 3) {
        switch (layout) {
            case Layout::GREY:
                to[0] = to[1] = to[2] = from[0];
                break;
            case Layout::GREY16: { // Pillow has it as integers, which it clips
                uint16_t value;
                std::memcpy(&value, from, sizeof(value));
                to[0] = to[1] = to[2] = uint8_t(std::min<uint16_t>(value, 255));
                break;
            }
            case Layout::RGBA:
                std::copy_n(from, 3, to);
                break;
            case Layout::CMYK: { // each ink times what black leaves, in 8 bit with rounding
                const int light = 255 - from[3];
                for (int c = 0; c < 3; ++c) {
                    const int product = light * from[c] + 128;
                    to[c] = uint8_t(std::max(light - ((product + (product >> 8)) >> 8), 0));
                }
                break;
            }
        }
    }
}

} // namespace paligemma
