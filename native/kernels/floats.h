// Products in float32: weights are widened, activations stay as they are.
#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "vector.h"

namespace paligemma {

/** `count` values, widened, and zeros up to LANES. */
template <typename T> inline Vector load_some(const T * x, int count) {
    if (count >= LANES) return load(x);
    T some[LANES] = {};
    for (int i = 0; i < count; ++i) some[i] = x[i];
    return load(some);
}

/**
 * How the operands of a product lie while they are multiplied: value k of all rows of a tile beside one another, and of all
 * its columns. Another form has the same members.
 */
struct Floats {
    static constexpr int VECTORS = TILE_VECTORS, ROWS = LANES*VECTORS, COLUMNS = TILE_COLUMNS;
    /** Values of a row that are laid out at a time: a block of ggml's K-quants. */
    static constexpr int DEPTH = 256;
    /** Tiles of columns that are multiplied with a panel at a time: their sums stay in the second-level cache. */
    static constexpr int64_t WIDTH = 512/COLUMNS;
    /** Whether a unit beside the processor's registers multiplies. */
    static constexpr bool BY_UNIT = false;

    static void begin() {} // before a thread multiplies
    static void end() {}

    /** Bytes of a tile's rows, and of a tile's columns, `depth` values deep. */
    static constexpr int64_t row_bytes(int64_t depth) { return (depth + LANES)*ROWS*sizeof(float); }
    static constexpr int64_t column_bytes(int64_t depth) { return depth*COLUMNS*sizeof(float); }

    /** Rows of weights, `depth` values from `from` on. What is missing of ROWS rows is zero. */
    static void pack_rows(ggml_type type, const char * rows, size_t stride, int count, int64_t from, int depth, char * out) {
        switch (type) {
            case GGML_TYPE_F32:  return turn<float>(rows + from*sizeof(float), stride, count, depth, (float *) out);
            case GGML_TYPE_F16:  return turn<ggml_fp16_t>(rows + from*sizeof(ggml_fp16_t), stride, count, depth, (float *) out);
            case GGML_TYPE_BF16: return turn<ggml_bf16_t>(rows + from*sizeof(ggml_bf16_t), stride, count, depth, (float *) out);
            default: break;
        }
        float        wide[ROWS*256];
        const auto * traits = ggml_get_type_traits(type);
        for (int i = 0; i < count; ++i)
            traits->to_float(rows + i*stride + from/traits->blck_size*traits->type_size, wide + i*depth, depth);
        turn<float>((const char *) wide, depth*sizeof(float), count, depth, (float *) out);
    }

    /** Columns of activations. What is missing of COLUMNS is zero. */
    static void pack_columns(ggml_type, const float * const * columns, int count, int depth, char * bytes) {
        float * out = (float *) bytes;
        for (int j = 0; j < COLUMNS; j += LANES) {
            const int wanted = std::min(LANES, COLUMNS - j);
            for (int k = 0; k < depth; k += LANES) {
                Vector block[LANES];
                for (int i = 0; i < LANES; ++i) block[i] = j + i < count ? load_some(columns[j + i] + k, depth - k) : zero();
                transpose(block);
                for (int i = 0; i < LANES && k + i < depth; ++i) {
                    float * to = out + (k + i)*COLUMNS + j;
                    if (wanted == LANES || k + i + 1 < depth) {
                        store(to, block[i]); // what is beyond the columns gets the next value's
                    } else {
                        float last[LANES];
                        store(last, block[i]);
                        std::copy(last, last + wanted, to);
                    }
                }
            }
        }
    }

    /** Adds up `depth` products for each row and column of a tile: sums[column]. */
    template <int COUNT> static void multiply(ggml_type, int depth, const char * packed_rows, const char * packed_columns,
                                              Vector (&sums)[COUNT][VECTORS]) {
        const float * rows = (const float *) packed_rows, * columns = (const float *) packed_columns;
#pragma GCC unroll 4
        for (int k = 0; k < depth; ++k, rows += ROWS, columns += COLUMNS) {
            Vector w[VECTORS];
            for (int v = 0; v < VECTORS; ++v) w[v] = load(rows + v*LANES);
            for (int j = 0; j < COUNT; ++j) {
                const Vector x = broadcast(columns[j]);
                for (int v = 0; v < VECTORS; ++v) sums[j][v] = multiply_add(w[v], x, sums[j][v]);
            }
        }
    }

private:
    template <typename T> static void turn(const char * rows, size_t stride, int count, int depth, float * out) {
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
};

} // namespace paligemma
