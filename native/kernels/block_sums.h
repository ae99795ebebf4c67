// Sums of a block's products in bytes, as many as a tile has: COUNT columns with BYTE_VECTORS registers of rows.
#pragma once

#include "dots.h"

#ifdef PALIGEMMA_BYTE_KERNELS

namespace paligemma {

// RUN: bytes of a row or a column that are multiplied at a time. PRODUCTS: so many an instruction adds up.
#ifndef PALIGEMMA_BYTE_PAIRS

constexpr int RUN = 4, PRODUCTS = 4*LANES;

template <int COUNT> class BlockSums {
public:
    /** @param starts whole numbers that the columns' sums begin with; null for 0 */
    PALIGEMMA_INLINE explicit BlockSums(const int32_t * starts) {
        for (int j = 0; j < COUNT; ++j) {
            const Dots start = starts ? broadcast_bytes(starts + j) : no_dots();
            for (Dots & sum : sums[j]) sum = start;
        }
    }
    /** RUN bytes of each row, RUN bytes of each column. */
    PALIGEMMA_INLINE void add(const void * rows, const void * columns) {
        Dots w[BYTE_VECTORS];
        for (int v = 0; v < BYTE_VECTORS; ++v) w[v] = load_bytes((const char *) rows + v*LANES*RUN);
        for (int j = 0; j < COUNT; ++j) {
            const Dots x = broadcast_bytes((const char *) columns + j*RUN);
            for (int v = 0; v < BYTE_VECTORS; ++v) sums[j][v] = add_dots(w[v], x, sums[j][v]);
        }
    }
    PALIGEMMA_INLINE Vector wide(int column, int v) const { return to_floats(sums[column][v]); }

private:
    Dots sums[COUNT][BYTE_VECTORS];
};

#else

constexpr int RUN = 8, PRODUCTS = 32;

template <int COUNT> class BlockSums {
public:
    PALIGEMMA_INLINE explicit BlockSums(const int32_t * starts) {
        for (int j = 0; j < COUNT; j += 2) {
            const Dots start = starts ? broadcast_pair(starts + j) : no_dots();
            for (Dots & sum : sums[j/2]) sum = start;
        }
    }
    PALIGEMMA_INLINE void add(const void * rows, const void * columns) {
        Dots w[REGISTERS];
        for (int i = 0; i < REGISTERS; ++i) w[i] = load_bytes((const char *) rows + i*2*RUN);
        for (int j = 0; j < COUNT; j += 2) {
            const Dots x = load_bytes((const char *) columns + j*RUN);
            for (int i = 0; i < REGISTERS; ++i) sums[j/2][i] = add_dots(w[i], x, sums[j/2][i]);
        }
    }
    PALIGEMMA_INLINE Vector wide(int column, int v) const {
        const Dots low = sums[column/2][2*v], high = sums[column/2][2*v + 1];
        return to_floats(column % 2 == 0 ? first_of_pairs(low, high) : second_of_pairs(low, high));
    }

private:
    static constexpr int REGISTERS = BYTE_VECTORS*LANES/2; // of two rows each
    static_assert(LANES == 4 && BYTE_COLUMNS % 2 == 0, "");
    Dots sums[(COUNT + 1)/2][REGISTERS]; // of two columns each
};

#endif

} // namespace paligemma

#endif
