// Products by the tile unit, in bfloat16. Values that it does not hold are taken apart into the nearest that it does and the rest:
//
//   weights      parts  activations  parts  products  off by, of each product
//   quantised    1      rounded      1      1         2^-8: what is rounded is rounded
//   bfloat16     1      taken apart  2      2         2^-17
//   float16      2      taken apart  2      4         2^-17
//
// Sums wait in registers and, between two depths, in memory.
#pragma once

#include <algorithm>
#include <cstring>

#include "brain.h"
#include "floats.h"
#include "tile_unit.h"

#ifdef PALIGEMMA_TILE_UNIT

namespace paligemma {

/** See Floats for what the members are. Tiles of 16 rows or columns lie by depth, by half, by part. */
template <int WEIGHTS, int ACTIVATIONS> struct Tiles {
    static constexpr int     ROWS = 32, COLUMNS = 32, DEPTH = 512, STEP = 32, HALF = 16;
    static constexpr int64_t WIDTH = 16;
    static constexpr bool    BY_UNIT = true;
    static constexpr int64_t TILE = HALF*STEP*sizeof(uint16_t);

    static constexpr int64_t row_bytes(int64_t depth) { return (depth + STEP - 1)/STEP*2*WEIGHTS*TILE; }
    static constexpr int64_t column_bytes(int64_t depth) { return (depth + STEP - 1)/STEP*2*ACTIVATIONS*TILE; }

    static void begin() { begin_tiles(); }
    static void end() { end_tiles(); }

    static void pack_rows(ggml_type type, const char * rows, size_t stride, int count, int64_t from, int depth, char * out) {
        switch (type) {
            case GGML_TYPE_F16:  return pack_halves<ggml_fp16_t>(rows, stride, count, from, depth, out);
            case GGML_TYPE_BF16: return pack_halves<ggml_bf16_t>(rows, stride, count, from, depth, out);
            case GGML_TYPE_Q8_0: return pack_quants<GGML_TYPE_Q8_0>(rows, stride, count, from, depth, out);
            case GGML_TYPE_Q6_K: return pack_quants<GGML_TYPE_Q6_K>(rows, stride, count, from, depth, out);
            case GGML_TYPE_Q5_K: return pack_quants<GGML_TYPE_Q5_K>(rows, stride, count, from, depth, out);
            case GGML_TYPE_Q4_K: return pack_quants<GGML_TYPE_Q4_K>(rows, stride, count, from, depth, out);
            case GGML_TYPE_Q4_0: return pack_quants<GGML_TYPE_Q4_0>(rows, stride, count, from, depth, out);
            default:             return;
        }
    }

    static void pack_columns(ggml_type, const float * const * columns, int count, int depth, char * out) {
        for (int k = 0; k < depth; k += STEP) {
            for (int half = 0; half < 2; ++half, out += ACTIVATIONS*TILE) {
                uint16_t values[ACTIVATIONS][HALF][STEP];
                for (int j = 0; j < HALF; ++j) {
                    const int column = half*HALF + j;
                    if (column >= count) {
                        for (auto & part : values) memset(part[j], 0, sizeof(part[j]));
                        continue;
                    }
                    float         padded[STEP];
                    const float * x = columns[column] + k;
                    if (depth - k < STEP) x = pad(x, depth - k, padded);
                    if constexpr (ACTIVATIONS == 2) split(x, values[0][j], values[1][j]);
                    else narrow(x, values[0][j]);
                }
                for (int part = 0; part < ACTIVATIONS; ++part) turn((const float *) values[part], (float *) (out + part*TILE));
            }
        }
    }

    /** Adds up `depth` products: sums of the first 16 rows and columns, of the next 16 columns; then of the other rows. */
    static void multiply(int depth, const char * rows, const char * columns, int row_count, int column_count, float * sums, bool onto) {
        tile_fence();
        const int steps = (depth + STEP - 1)/STEP;
        if (row_count > HALF) {
            if (column_count > HALF) multiply<true, true>(steps, rows, columns, sums, onto);
            else multiply<true, false>(steps, rows, columns, sums, onto);
        } else {
            if (column_count > HALF) multiply<false, true>(steps, rows, columns, sums, onto);
            else multiply<false, false>(steps, rows, columns, sums, onto);
        }
        tile_fence();
    }

    /** Writes sums to where they belong: `columns` columns of `rows` values. */
    static void store_sums(const float * sums, int rows, int columns, float * const * out) {
        for (int from = 0; from < rows; from += HALF, sums += COLUMNS*HALF) {
            for (int first = 0; first < columns; first += HALF) {
                alignas(64) float turned[HALF*HALF];
                turn(sums + first*HALF, turned);
                const int    width = std::min(HALF, columns - first);
                const size_t bytes = std::min(HALF, rows - from)*sizeof(float);
                for (int j = 0; j < width; ++j) {
                    if (bytes == HALF*sizeof(float)) memcpy(out[first + j] + from, turned + j*HALF, HALF*sizeof(float));
                    else memcpy(out[first + j] + from, turned + j*HALF, bytes);
                }
            }
        }
    }

private:
    template <bool MORE_ROWS, bool MORE_COLUMNS>
    static void multiply(int steps, const char * w, const char * x, float * sums, bool onto) {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
        if (onto) {
            TILE_LOAD(0, sums);
            if (MORE_COLUMNS) TILE_LOAD(1, sums + 256);
            if (MORE_ROWS) TILE_LOAD(2, sums + 512);
            if (MORE_ROWS && MORE_COLUMNS) TILE_LOAD(3, sums + 768);
        }
        for (int s = 0; s < steps; ++s, w += 2*WEIGHTS*TILE, x += 2*ACTIVATIONS*TILE) {
            constexpr int64_t NEXT_ROWS = WEIGHTS*TILE, NEXT_COLUMNS = ACTIVATIONS*TILE;
            if (ACTIVATIONS == 2) load_columns<MORE_COLUMNS>(x + TILE, NEXT_COLUMNS); // what rounding activations loses
            if (WEIGHTS == 2) { // times what rounding weights loses
                load_rows<MORE_ROWS>(w + TILE, NEXT_ROWS);
                multiply_loaded<MORE_ROWS, MORE_COLUMNS>();
            }
            load_rows<MORE_ROWS>(w, NEXT_ROWS);
            if (ACTIVATIONS == 2) multiply_loaded<MORE_ROWS, MORE_COLUMNS>();
            load_columns<MORE_COLUMNS>(x, NEXT_COLUMNS);
            multiply_loaded<MORE_ROWS, MORE_COLUMNS>();
            if (WEIGHTS == 2) { // the rests of weights times the nearest activations
                load_rows<MORE_ROWS>(w + TILE, NEXT_ROWS);
                multiply_loaded<MORE_ROWS, MORE_COLUMNS>();
            }
        }
        TILE_STORE(0, sums);
        if (MORE_COLUMNS) TILE_STORE(1, sums + 256);
        if (MORE_ROWS) TILE_STORE(2, sums + 512);
        if (MORE_ROWS && MORE_COLUMNS) TILE_STORE(3, sums + 768);
    }

    template <bool MORE> static PALIGEMMA_INLINE void load_rows(const char * from, int64_t next) {
        TILE_LOAD(4, from);
        if (MORE) TILE_LOAD(5, from + next);
    }
    template <bool MORE> static PALIGEMMA_INLINE void load_columns(const char * from, int64_t next) {
        TILE_LOAD(6, from);
        if (MORE) TILE_LOAD(7, from + next);
    }
    template <bool MORE_ROWS, bool MORE_COLUMNS> static PALIGEMMA_INLINE void multiply_loaded() {
        TILE_MULTIPLY(0, 4, 6);
        if (MORE_COLUMNS) TILE_MULTIPLY(1, 4, 7);
        if (MORE_ROWS) TILE_MULTIPLY(2, 5, 6);
        if (MORE_ROWS && MORE_COLUMNS) TILE_MULTIPLY(3, 5, 7);
    }

    template <typename T> static const T * pad(const T * x, int count, T * padded) {
        for (int i = 0; i < STEP; ++i) padded[i] = i < count ? x[i] : T{};
        return padded;
    }

    /** 16 rows of 16 words, turned over. Moved as floats, of which no bit changes. */
    static void turn(const float * from, float * to) {
        for (int i = 0; i < HALF; i += LANES) {
            for (int k = 0; k < HALF; k += LANES) {
                Vector block[LANES];
                for (int l = 0; l < LANES; ++l) block[l] = load(from + (i + l)*HALF + k);
                transpose(block);
                for (int l = 0; l < LANES; ++l) store(to + (k + l)*HALF + i, block[l]);
            }
        }
    }

    /** Where values of a row go; those 32 further lie NEXT values further, rests REST values. */
    static uint16_t * place(char * out, int row) {
        return (uint16_t *) (out + row/HALF*WEIGHTS*TILE + row % HALF*STEP*sizeof(uint16_t));
    }
    static constexpr int64_t NEXT = 2*WEIGHTS*TILE/sizeof(uint16_t), REST = TILE/sizeof(uint16_t); // values

    static void clear_row(int depth, uint16_t * to) {
        for (int k = 0; k < depth; k += STEP, to += NEXT) {
            memset(to, 0, STEP*sizeof(*to));
            if (WEIGHTS == 2) memset(to + REST, 0, STEP*sizeof(*to));
        }
    }

    template <typename T> static void pack_halves(const char * rows, size_t stride, int count, int64_t from, int depth, char * out) {
        for (int i = 0; i < ROWS; ++i) {
            uint16_t * to = place(out, i);
            if (i >= count) {
                clear_row(depth, to);
                continue;
            }
            const T * row = (const T *) (rows + i*stride) + from;
            for (int k = 0; k < depth; k += STEP, to += NEXT) {
                T         padded[STEP];
                const T * x = depth - k < STEP ? pad(row + k, depth - k, padded) : row + k;
                if constexpr (std::is_same<T, ggml_fp16_t>::value) split(x, to, to + REST);
                else memcpy(to, x, STEP*sizeof(*to));
            }
        }
    }

    template <ggml_type TYPE> static void pack_quants(const char * rows, size_t stride, int count, int64_t from, int depth, char * out) {
        for (int i = 0; i < ROWS; ++i) {
            uint16_t * to = place(out, i);
            if (i >= count) {
                clear_row(depth, to);
                continue;
            }
            const char * row = rows + i*stride;
#if defined(PALIGEMMA_NARROW_CHUNKS)
            for (int k = 0; k < depth; k += CHUNK, to += CHUNK/STEP*NEXT)
                narrow_chunk<TYPE>(read_some<TYPE>(row, (from + k)/CHUNK, depth - k), to, NEXT);
#else
            float        wide[DEPTH];
            const auto * traits = ggml_get_type_traits(TYPE);
            traits->to_float(row + from/traits->blck_size*traits->type_size, wide, depth);
            for (int k = 0; k < depth; k += STEP, to += NEXT) narrow(wide + k, to);
#endif
        }
    }
};

} // namespace paligemma

#endif
