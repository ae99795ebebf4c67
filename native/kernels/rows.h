// Products with a few columns: each row of weights is read from memory once and multiplied with all of them on the way.
#pragma once

#include <cmath>

#include "floats.h"
#include "quants.h"
#include "quantize.h"

namespace paligemma {

constexpr int MOST_COLUMNS = 7;

/** Rows whose values are floats of 32 or 16 bits; columns stay as they are. */
template <typename T> struct FloatRows {
    static constexpr bool PACKED = false;

    template <int COUNT> static void multiply(const char * row, int64_t depth, const float * const * columns, float * out) {
        constexpr int  SUMS = COUNT == 1 ? 4 : COUNT < 4 ? 2 : 1; // so many chains of sums keep the processor busy
        const T *      w = (const T *) row;
        Vector         sums[COUNT][SUMS];
        for (auto & column : sums) {
            for (Vector & sum : column) sum = zero();
        }
        int64_t k = 0;
        for (; k + SUMS*LANES <= depth; k += SUMS*LANES) {
            for (int s = 0; s < SUMS; ++s) {
                const Vector wide = load(w + k + s*LANES);
                for (int j = 0; j < COUNT; ++j) sums[j][s] = multiply_add(wide, load(columns[j] + k + s*LANES), sums[j][s]);
            }
        }
        for (; k < depth; k += LANES) {
            const Vector wide = load_some(w + k, (int) std::min<int64_t>(LANES, depth - k));
            for (int j = 0; j < COUNT; ++j) {
                const Vector x = load_some(columns[j] + k, (int) std::min<int64_t>(LANES, depth - k));
                sums[j][0] = multiply_add(wide, x, sums[j][0]);
            }
        }
        for (int j = 0; j < COUNT; ++j) {
            for (int s = 1; s < SUMS; ++s) sums[j][0] = add(sums[j][0], sums[j][s]);
            out[j] = sum(sums[j][0]);
        }
    }
};

#ifdef PALIGEMMA_QUANT_KERNELS

/** Quantised rows; columns become bytes. */
template <ggml_type TYPE> struct QuantRows {
    static constexpr bool PACKED = true;

    /** A chunk of a column. */
    struct Column {
        int8_t  bytes[CHUNK];
        float   scales[LANES];
        union { // for what is no minimum of its own: where sums of four begin; for minimums: what they are multiplied with
            int32_t starts[CHUNK/4];
            float   sums[LANES];
        };
    };

    static constexpr int VALUES = CHUNK; // of a column in a Column

    /** A chunk of a column, of which `count` values are there, a multiple of 32. */
    static void pack(const float * x, int count, Column & to) {
        memset(&to, 0, sizeof(to));
        for (int k = 0; k < count; k += 32) {
            const float scale = quantize(x + k, to.bytes + k);
            for (int g = 0; g < 2; ++g) {
                int total = 0;
                for (int i = k + g*GROUP; i < k + (g + 1)*GROUP; i += 4) {
                    const int four = to.bytes[i] + to.bytes[i + 1] + to.bytes[i + 2] + to.bytes[i + 3];
                    total += four;
                    if (!has_minimums(TYPE)) to.starts[i/4] = -zero_of(TYPE)*four;
                }
                to.scales[k/GROUP + g] = scale;
                if (has_minimums(TYPE)) to.sums[k/GROUP + g] = -scale*total;
            }
        }
    }

    template <int COUNT> static void multiply(const char * row, int64_t depth, const Column * const * columns, float * out) {
        Vector sums[COUNT][2];
        for (auto & column : sums) column[0] = column[1] = zero();
        const int64_t whole = depth/CHUNK;
        for (int64_t c = 0; c < whole; ++c) add_chunk<COUNT>(read<TYPE>(row, c), columns, c, sums);
        if (whole*CHUNK < depth) add_chunk<COUNT>(read_some<TYPE>(row, whole, depth - whole*CHUNK), columns, whole, sums);
        for (int j = 0; j < COUNT; ++j) out[j] = sum(add(sums[j][0], sums[j][1]));
    }

private:
    template <int COUNT> static PALIGEMMA_INLINE
    void add_chunk(const Quants & w, const Column * const * columns, int64_t c, Vector (&sums)[COUNT][2]) {
        for (int j = 0; j < COUNT; ++j) {
            const Column & x      = columns[j][c];
            const Vector   scales = times(w.scales, load(x.scales));
            for (int q = 0; q < 4; ++q) {
                const Dots bytes = load_bytes(x.bytes + 4*LANES*q);
                Dots       products;
                if constexpr (TYPE == GGML_TYPE_Q8_0 && !STARTS_ANYWHERE) products = signed_dots(w.bytes[q], bytes);
                else if constexpr (zero_of(TYPE) != 0) products = dots(w.bytes[q], bytes, load_bytes(x.starts + LANES*q));
                else products = dots(w.bytes[q], bytes, no_dots());
                sums[j][q % 2] = multiply_add(spread(scales, q), whole_to_floats(products), sums[j][q % 2]);
            }
            if (has_minimums(TYPE)) sums[j][0] = multiply_add(w.minimums, load(x.sums), sums[j][0]);
        }
    }
};

#endif

} // namespace paligemma
