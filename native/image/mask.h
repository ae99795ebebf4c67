// Masks as large as pictures: laid out of what a mask decoder gives, and packed into runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace paligemma {

struct Box {
    size_t left, top, width, height;
};

// Scales opacities [size, size] bilinearly to the box and sets pixels of more than one half in `mask`, `width` pixels a row.
void lay_mask(const float * opacities, size_t size, const Box & box, uint8_t * mask, size_t width);

// Runs of zeros and non-zeros in turn, down the columns, in COCO's ASCII form. `mask`: [height, width].
std::string encode_runs(const uint8_t * mask, size_t width, size_t height);

} // namespace paligemma
