// Rows of matrices laid out as the multiplication reads them: value k of all rows of a tile beside one another.
#pragma once

#include <algorithm>

#include "vector.h"

namespace paligemma {

/** Rows of weights that are multiplied at once. */
constexpr int ROWS = LANES*VECTORS;

/** `count` values, widened, and zeros up to LANES. */
template <typename T> inline Vector load_some(const T * x, int count) {
    if (count >= LANES) return load(x);
    T some[LANES] = {};
    for (int i = 0; i < count; ++i) some[i] = x[i];
    return load(some);
}

/**
 * Weights: [depth][ROWS] floats from up to ROWS rows; what is missing is zero.
 * @param out room for `depth`, rounded up to LANES, times ROWS values
 */
template <typename T> void pack_rows(const char * rows, size_t stride, int count, int depth, float * out) {
    for (int v = 0; v < VECTORS; ++v) {
        for (int k = 0; k < depth; k += LANES) {
            Vector block[LANES];
            for (int i = 0; i < LANES; ++i) {
                const int row = v*LANES + i;
                block[i] = row < count ? load_some((const T *) (rows + row*stride) + k, depth - k) : zero();
            }
            transpose(block);
            for (int i = 0; i < LANES; ++i) store(out + (k + i)*ROWS + v*LANES, block[i]);
        }
    }
}

/** Activations: [depth][COLUMNS] floats from up to COLUMNS columns; what is missing is zero. */
inline void pack_columns(const float * const * columns, int count, int depth, float * out) {
    for (int j = 0; j < COLUMNS; j += LANES) {
        const int wanted = std::min(LANES, COLUMNS - j);
        for (int k = 0; k < depth; k += LANES) {
            Vector block[LANES];
            for (int i = 0; i < LANES; ++i) block[i] = j + i < count ? load_some(columns[j + i] + k, depth - k) : zero();
            transpose(block);
            for (int i = 0; i < LANES && k + i < depth; ++i) {
                float * to = out + (k + i)*COLUMNS + j;
                if (wanted == LANES || k + i + 1 < depth) {
                    store(to, block[i]); // of what is beyond the columns, the next value's store takes the place
                } else {
                    float last[LANES];
                    store(last, block[i]);
                    std::copy(last, last + wanted, to);
                }
            }
        }
    }
}

} // namespace paligemma
