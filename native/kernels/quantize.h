// Activations as whole numbers of eight bits, 32 at a time with a scale of their own, as in ggml's q8_0, but for the scale,
// which stays in float32.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "vector.h"

namespace paligemma {

/** Returns the scale. It is not a number where one of the 32 is not; all bytes are 0 then. */
inline float quantize(const float * x, int8_t * bytes) {
    Vector most_of = zero(), unknown = zero();
    for (int k = 0; k < 32; k += LANES) {
        most_of = largest(load(x + k), most_of);
        unknown = multiply_add(load(x + k), zero(), unknown); // not a number where there is one
    }
    const float none = sum(unknown);
    if (!(none == 0)) { // no whole number stands for it: the scale makes all products of the column unknown
        memset(bytes, 0, 32);
        return none;
    }
    float lanes[LANES], most = 0;
    store(lanes, most_of);
    for (float lane : lanes) most = std::max(most, lane);
    const float scale = most/127, inverse = scale >= std::numeric_limits<float>::min() ? 1/scale : 0;
    for (int k = 0; k < 32; k += LANES) store_rounded(bytes + k, times(load(x + k), broadcast(inverse)));
    return scale;
}

} // namespace paligemma
