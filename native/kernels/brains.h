// Products of bfloat16 by the instructions that add up two of them: activations are rounded to bfloat16 as the weights are.
#pragma once

#include "brain.h"
#include "floats.h"

#if defined(PALIGEMMA_PLAIN_KERNELS) || defined(__AVX512BF16__) || \
    (defined(__ARM_NEON) && defined(__aarch64__) && defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC))
#define PALIGEMMA_BRAIN_KERNELS

#if !defined(PALIGEMMA_PLAIN_KERNELS) && defined(__AVX512BF16__) && !defined(_MSC_VER)
#include <cpuid.h>
#endif

namespace paligemma {

// add_pairs: sum + even values' product + odd values' product, of each pair of a register.
#if defined(PALIGEMMA_PLAIN_KERNELS)

inline bool   brains_pay() { return true; }
inline Vector add_pairs(Vector w, Vector x, Vector sum) {
    for (int i = 0; i < LANES; ++i) {
        ggml_bf16_t a[2], b[2];
        memcpy(a, &w.lane[i], sizeof(a));
        memcpy(b, &x.lane[i], sizeof(b));
        sum.lane[i] += widen(a[0])*widen(b[0]);
        sum.lane[i] += widen(a[1])*widen(b[1]);
    }
    return sum;
}

#elif defined(__AVX512BF16__)

/**
 * Measured: on AMD's Zen 5 a product of pairs takes the time of one of float32, so that twice as much is done; on Intel's Sapphire
 * Rapids four times it, so that half as much is. By the maker, not by a measurement: that could turn out otherwise the next time,
 * and answers with it.
 */
inline bool brains_pay() {
#if defined(PALIGEMMA_BRAINS_ALWAYS)
    return true;
#elif defined(_MSC_VER)
    int registers[4];
    __cpuid(registers, 0);
    return registers[2] == 0x444d4163; // "Authentic", "enti", "cAMD": the last of it
#else
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(0, &eax, &ebx, &ecx, &edx) && ecx == signature_AMD_ecx;
#endif
}
inline Vector add_pairs(Vector w, Vector x, Vector sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh) _mm512_castps_si512(w), (__m512bh) _mm512_castps_si512(x));
}

#else

inline bool   brains_pay() { return true; }
inline Vector add_pairs(Vector w, Vector x, Vector sum) {
    return vbfdotq_f32(sum, vreinterpretq_bf16_f32(w), vreinterpretq_bf16_f32(x));
}

#endif

/** See Floats for what the members are: here for pairs of values. */
struct Brains {
    static constexpr int     VECTORS = TILE_VECTORS, ROWS = LANES*VECTORS, COLUMNS = TILE_COLUMNS, DEPTH = 512;
    static constexpr int64_t WIDTH = 512/COLUMNS;
    static constexpr bool    BY_UNIT = false;

    static void begin() {}
    static void end() {}

    static constexpr int64_t pairs(int64_t depth) { return (depth + 1)/2; }
    static constexpr int64_t row_bytes(int64_t depth) { return (pairs(depth) + LANES)*ROWS*sizeof(float); }
    static constexpr int64_t column_bytes(int64_t depth) { return pairs(depth)*COLUMNS*sizeof(float); }

    static void pack_rows(ggml_type, const char * rows, size_t stride, int count, int64_t from, int depth, char * bytes) {
        float * out = (float *) bytes;
        for (int v = 0; v < VECTORS; ++v) {
            for (int k = 0; k < depth; k += 2*LANES) {
                Vector block[LANES];
                for (int i = 0; i < LANES; ++i) {
                    const int row = v*LANES + i;
                    block[i] = row < count ? load_pairs((const uint16_t *) (rows + row*stride) + from + k, depth - k) : zero();
                }
                transpose(block);
                for (int i = 0; i < LANES; ++i) store(out + (k/2 + i)*ROWS + v*LANES, block[i]);
            }
        }
    }

    static void pack_columns(ggml_type, const float * const * columns, int count, int depth, char * bytes) {
        float * out = (float *) bytes;
        for (int j = 0; j < COLUMNS; j += LANES) {
            for (int k = 0; k < depth; k += 2*LANES) {
                Vector block[LANES];
                for (int i = 0; i < LANES; ++i) block[i] = j + i < count ? narrow_some(columns[j + i] + k, depth - k) : zero();
                transpose(block);
                const int wanted = std::min(LANES, COLUMNS - j), there = (int) std::min<int64_t>(LANES, pairs(depth - k));
                for (int i = 0; i < there; ++i) {
                    float pairs_of_columns[LANES];
                    store(pairs_of_columns, block[i]);
                    memcpy(out + (k/2 + i)*COLUMNS + j, pairs_of_columns, wanted*sizeof(float));
                }
            }
        }
    }

    template <int COUNT> static void multiply(ggml_type, int depth, const char * packed_rows, const char * packed_columns,
                                              Vector (&sums)[COUNT][VECTORS]) {
        const float * rows = (const float *) packed_rows, * columns = (const float *) packed_columns;
#pragma GCC unroll 4
        for (int k = 0; k < depth; k += 2, rows += ROWS, columns += COLUMNS) {
            Vector w[VECTORS];
            for (int v = 0; v < VECTORS; ++v) w[v] = load(rows + v*LANES);
            for (int j = 0; j < COUNT; ++j) {
                const Vector x = broadcast(columns[j]);
                for (int v = 0; v < VECTORS; ++v) sums[j][v] = add_pairs(w[v], x, sums[j][v]);
            }
        }
    }

private:
    /** Values as they are, two a float. What is missing of 2*LANES is zero. */
    static Vector load_pairs(const uint16_t * x, int count) {
        if (count >= 2*LANES) return load((const float *) x);
        uint16_t some[2*LANES] = {};
        std::copy(x, x + count, some);
        return load((const float *) some);
    }
    static Vector narrow_some(const float * x, int count) {
        uint16_t pairs[2*LANES];
        narrow(load_some(x, count), count > LANES ? load_some(x + LANES, count - LANES) : zero(), pairs);
        return load((const float *) pairs);
    }
};

} // namespace paligemma

#endif
