// Products in bytes: quantised weights stay the whole numbers they are, activations become such (see quantize.h). Sums of a
// block are exact; blocks are added up in float32.
#pragma once

#include <cstring>

#include "block_sums.h"
#include "quantize.h"
#include "quants.h"
#include "unpack.h"

#ifdef PALIGEMMA_BYTE_KERNELS

namespace paligemma {

/** See Floats for what the members are. */
struct Bytes {
    static constexpr int VECTORS = BYTE_VECTORS, ROWS = LANES*VECTORS, COLUMNS = BYTE_COLUMNS;
    static constexpr int     DEPTH = 256;
    static constexpr int64_t WIDTH = 512/COLUMNS;
    static constexpr bool    BY_UNIT = false;
    static constexpr int BLOCK = 32, RUNS = BLOCK/RUN, HALVES = BLOCK/GROUP;

    static void begin() {}
    static void end() {}

    struct Rows {
        uint8_t bytes[RUNS][ROWS][RUN];
        float   scales[HALVES][ROWS], minimums[HALVES][ROWS];
    };
    struct Columns {
        int8_t bytes[RUNS][COLUMNS][RUN];
        float  scales[COLUMNS];
        // For the minimums, of each half of the block and of all of it: the activations' sum, negated. Where all minimums are
        // one number times the scale, the whole number that sums of products then begin with.
        union { float sums[HALVES + 1][COLUMNS]; int32_t starts[HALVES + 1][COLUMNS]; };
    };

    static constexpr bool supports(ggml_type type) {
        switch (type) {
            case GGML_TYPE_Q4_0:
            case GGML_TYPE_Q4_K: return FITS_16 > 0;
            case GGML_TYPE_Q5_K: return FITS_32 > 0;
            case GGML_TYPE_Q6_K: return FITS_64 > 0;
            case GGML_TYPE_Q8_0: return FITS_256 > 0;
            default:             return false;
        }
    }

    /** What was added to the weights of this type to make bytes of them; -1 where minimums are each their own. */
    static constexpr int offset(ggml_type type) {
        if (!STARTS_ANYWHERE) return -1;
        switch (type) {
            case GGML_TYPE_Q4_0: return 8;
            case GGML_TYPE_Q6_K: return 32;
            case GGML_TYPE_Q8_0: return SIGNED_WEIGHTS ? 0 : 128;
            default:             return -1;
        }
    }

    static constexpr int64_t row_bytes(int64_t depth) { return depth/BLOCK*sizeof(Rows); }
    static constexpr int64_t column_bytes(int64_t depth) { return depth/BLOCK*sizeof(Columns); }

    static void pack_rows(ggml_type type, const char * rows, size_t stride, int count, int64_t from, int depth, char * out) {
        Unpacked unpacked[ROWS];
        for (int i = 0; i < ROWS; ++i) {
            if (i < count) unpack_row(type, rows + i*stride, from, depth, unpacked[i]);
            else memset(&unpacked[i], 0, sizeof(Unpacked));
        }
        Rows * packed = (Rows *) out;
        turn(unpacked, depth, packed);
        turn_scales(unpacked, depth, offset(type) < 0, packed);
    }

    static void pack_columns(ggml_type type, const float * const * columns, int count, int depth, char * out) {
        Columns * packed = (Columns *) out;
        for (int b = 0; b < depth/BLOCK; ++b) {
            for (int j = 0; j < COLUMNS; ++j) {
                if (j < count) pack_block(columns[j] + b*BLOCK, j, offset(type), packed[b]);
                else clear_block(j, packed[b]);
            }
        }
    }

    template <int COUNT> static void multiply(ggml_type type, int depth, const char * rows, const char * columns,
                                              Vector (&sums)[COUNT][VECTORS]) {
        switch (type) {
            case GGML_TYPE_Q4_0: return multiply<COUNT, GGML_TYPE_Q4_0, FITS_16, 1>(depth, rows, columns, sums);
            case GGML_TYPE_Q4_K: return multiply<COUNT, GGML_TYPE_Q4_K, FITS_16, 1>(depth, rows, columns, sums);
            case GGML_TYPE_Q5_K: return multiply<COUNT, GGML_TYPE_Q5_K, FITS_32, 1>(depth, rows, columns, sums);
            case GGML_TYPE_Q6_K: return multiply<COUNT, GGML_TYPE_Q6_K, FITS_64, HALVES>(depth, rows, columns, sums);
            case GGML_TYPE_Q8_0:
                if constexpr (FITS_256 > 0) multiply<COUNT, GGML_TYPE_Q8_0, FITS_256, 1>(depth, rows, columns, sums);
                return;
            default: return;
        }
    }

private:
    static void unpack_row(ggml_type type, const char * row, int64_t from, int depth, Unpacked & to) {
        switch (type) {
            case GGML_TYPE_Q4_0: return unpack_row<GGML_TYPE_Q4_0>(row, from, depth, to);
            case GGML_TYPE_Q8_0: return unpack_row<GGML_TYPE_Q8_0>(row, from, depth, to);
            case GGML_TYPE_Q4_K: return unpack_row<GGML_TYPE_Q4_K>(row, from, depth, to);
            case GGML_TYPE_Q5_K: return unpack_row<GGML_TYPE_Q5_K>(row, from, depth, to);
            case GGML_TYPE_Q6_K: return unpack_row<GGML_TYPE_Q6_K>(row, from, depth, to);
            default:             return;
        }
    }

    template <ggml_type TYPE> static void unpack_row(const char * row, int64_t from, int depth, Unpacked & to) {
#if defined(PALIGEMMA_QUANT_KERNELS) && !defined(PALIGEMMA_PLAIN_KERNELS)
        for (int k = 0; k < depth; k += CHUNK) {
            const Quants w = read_some<TYPE>(row, (from + k)/CHUNK, depth - k);
            for (int q = 0; q < 4; ++q) store((float *) (to.bytes + k + 4*LANES*q), as_floats(w.bytes[q]));
            store(to.scales + k/GROUP, w.scales);
            if (offset(TYPE) < 0) store(to.minimums + k/GROUP, has_minimums(TYPE) ? w.minimums : times(w.scales, broadcast((float) zero_of(TYPE))));
        }
#else
        const auto * blocks = (const typename BlockOf<TYPE>::type *) row + from/weights_of(TYPE);
        if constexpr (TYPE == GGML_TYPE_Q8_0) unpack(blocks, depth, to, SIGNED_WEIGHTS ? 0 : 128);
        else unpack(blocks, depth, to);
#endif
    }

    /** RUN bytes of all rows beside one another. */
    static void turn(const Unpacked * rows, int depth, Rows * out) {
        if constexpr (RUN == sizeof(float)) return turn_floats(rows, depth, out);
        for (int k = 0; k < depth; k += RUN) {
            for (int i = 0; i < ROWS; ++i) memcpy(out[k/BLOCK].bytes[k % BLOCK/RUN][i], rows[i].bytes + k, RUN);
        }
    }

    /** The same for four bytes, moved as floats, of which no bit changes. */
    static void turn_floats(const Unpacked * rows, int depth, Rows * out) {
        for (int v = 0; v < ROWS; v += LANES) {
            for (int k = 0; k < depth; k += 4*LANES) {
                Vector block[LANES];
                for (int i = 0; i < LANES; ++i) block[i] = load((const float *) (rows[v + i].bytes + k));
                transpose(block);
                for (int i = 0; i < LANES && k + 4*i < depth; ++i) {
                    const int at = k + 4*i;
                    store((float *) out[at/BLOCK].bytes[at % BLOCK/RUN][v], block[i]);
                }
            }
        }
    }

    static void turn_scales(const Unpacked * rows, int depth, bool with_minimums, Rows * out) {
        for (int v = 0; v < ROWS; v += LANES) {
            for (int g = 0; g < depth/GROUP; g += LANES) {
                Vector scales[LANES], minimums[LANES];
                for (int i = 0; i < LANES; ++i) {
                    scales[i]   = load(rows[v + i].scales + g);
                    minimums[i] = load(rows[v + i].minimums + g);
                }
                transpose(scales);
                if (with_minimums) transpose(minimums);
                for (int i = 0; i < LANES && g + i < depth/GROUP; ++i) {
                    store(out[(g + i)/HALVES].scales[(g + i) % HALVES] + v, scales[i]);
                    if (with_minimums) store(out[(g + i)/HALVES].minimums[(g + i) % HALVES] + v, minimums[i]);
                }
            }
        }
    }

    static void clear_block(int j, Columns & to) {
        for (auto & run : to.bytes) memset(run[j], 0, RUN);
        to.scales[j] = 0;
        for (auto & sums : to.sums) sums[j] = 0; // of the bits of the whole number 0, too
    }

    static void pack_block(const float * x, int j, int offset, Columns & to) {
        int8_t bytes[BLOCK];
        to.scales[j] = quantize(x, bytes);
        for (int k = 0; k < RUNS; ++k) memcpy(to.bytes[k][j], bytes + RUN*k, RUN);
        int total = 0;
        for (int h = 0; h < HALVES; ++h) {
            int half = 0;
            for (int k = 0; k < GROUP; ++k) half += bytes[h*GROUP + k];
            set_sum(h, j, half, offset, to);
            total += half;
        }
        set_sum(HALVES, j, total, offset, to);
    }

    static constexpr int whole_or(int part, int parts) { return parts == 1 ? HALVES : part; }

    static void set_sum(int part, int j, int sum, int offset, Columns & to) {
        if (offset < 0) to.sums[part][j] = -to.scales[j]*sum;
        else to.starts[part][j] = -offset*sum;
    }

    /**
     * @param FITS sums of four that an accumulator takes
     * @param PARTS of a block that have scales of their own
     */
    template <int COUNT, ggml_type TYPE, int FITS, int PARTS>
    static void multiply(int depth, const char * packed_rows, const char * packed_columns, Vector (&sums)[COUNT][VECTORS]) {
        constexpr int STEP = RUNS/PARTS, AT_ONCE = FITS < STEP ? FITS : STEP;
        constexpr bool BEGINS = offset(TYPE) >= 0;
        static_assert(FITS > 0 && STEP % AT_ONCE == 0 && (!BEGINS || AT_ONCE == STEP), "");
        const Rows *    rows    = (const Rows *) packed_rows;
        const Columns * columns = (const Columns *) packed_columns;
        for (int b = 0; b < depth/BLOCK; ++b, ++rows, ++columns) {
#pragma GCC unroll 2
            for (int part = 0; part < PARTS; ++part) {
                Vector products[COUNT][VECTORS];
#pragma GCC unroll 4
                for (int start = part*STEP; start < (part + 1)*STEP; start += AT_ONCE) {
                    BlockSums<COUNT> dots(BEGINS ? columns->starts[whole_or(part, PARTS)] : nullptr);
#pragma GCC unroll 8 // or compilers move all accumulators to and fro in each turn
                    for (int k = start; k < start + AT_ONCE; ++k) dots.add(rows->bytes[k], columns->bytes[k]);
                    for (int j = 0; j < COUNT; ++j) {
                        for (int v = 0; v < VECTORS; ++v) {
                            const Vector wide = dots.wide(j, v);
                            products[j][v] = start == part*STEP ? wide : add(products[j][v], wide);
                        }
                    }
                }
                for (int v = 0; v < VECTORS; ++v) {
                    const Vector scale = load(rows->scales[part] + v*LANES), minimum = load(rows->minimums[part] + v*LANES);
                    for (int j = 0; j < COUNT; ++j) {
                        sums[j][v] = multiply_add(times(scale, broadcast(columns->scales[j])), products[j][v], sums[j][v]);
                        if (!BEGINS) sums[j][v] = multiply_add(minimum, broadcast(columns->sums[whole_or(part, PARTS)][j]), sums[j][v]);
                    }
                }
            }
        }
    }
};

} // namespace paligemma

#endif
