// Blocks of quantised weights as bytes: weight = scale*byte - minimum, exactly as ggml's dequantize_row_* have it.
#pragma once

#include <cstdint>
#include <cstring>

#define GGML_COMMON_DECL_CPP
#include "ggml-common.h"
#include "ggml-impl.h"
#include "vector.h"

namespace paligemma {

template <ggml_type> struct BlockOf;
template <> struct BlockOf<GGML_TYPE_Q4_0> { using type = block_q4_0; };
template <> struct BlockOf<GGML_TYPE_Q8_0> { using type = block_q8_0; };
template <> struct BlockOf<GGML_TYPE_Q4_K> { using type = block_q4_K; };
template <> struct BlockOf<GGML_TYPE_Q5_K> { using type = block_q5_K; };
template <> struct BlockOf<GGML_TYPE_Q6_K> { using type = block_q6_K; };

constexpr int  weights_of(ggml_type type) { return type == GGML_TYPE_Q4_0 || type == GGML_TYPE_Q8_0 ? 32 : 256; }

/** A scale and a minimum belong to GROUP weights. */
constexpr int GROUP = 16;

/** Up to 256 weights of a row; minimums are not negated. */
struct Unpacked {
    uint8_t bytes[256];
    float   scales[256/GROUP], minimums[256/GROUP];

    void set(int first, int last, float scale, float minimum) {
        for (int g = first/GROUP; g < last/GROUP; ++g) {
            scales[g]   = scale;
            minimums[g] = minimum;
        }
    }
};

/** The low and the high halves of `COUNT` bytes, eight at a time. */
template <int COUNT> void halves(const uint8_t * from, uint8_t * low, uint8_t * high) {
    constexpr uint64_t MASK = 0x0F0F0F0F0F0F0F0F;
    for (int i = 0; i < COUNT; i += 8) {
        uint64_t bytes;
        memcpy(&bytes, from + i, 8);
        const uint64_t lows = bytes & MASK, highs = bytes >> 4 & MASK;
        memcpy(low + i, &lows, 8);
        memcpy(high + i, &highs, 8);
    }
}

inline void unpack(const block_q4_0 * blocks, int depth, Unpacked & to) {
    for (int k = 0; k < depth; k += 32, ++blocks) {
        halves<16>(blocks->qs, to.bytes + k, to.bytes + k + 16);
        const float d = widen(blocks->d);
        to.set(k, k + 32, d, 8*d);
    }
}

/** @param offset what is added to the signed bytes: 128, or 0 where they may stay signed */
inline void unpack(const block_q8_0 * blocks, int depth, Unpacked & to, int offset) {
    for (int k = 0; k < depth; k += 32, ++blocks) {
        int8_t bytes[32];
        memcpy(bytes, blocks->qs, sizeof(bytes));
        for (int i = 0; i < 32; ++i) to.bytes[k + i] = (uint8_t) (bytes[i] + offset);
        const float d = widen(blocks->d);
        to.set(k, k + 32, d, offset*d);
    }
}

/** The scale and the minimum of 32 weights in a block of 256, as in ggml's get_scale_min_k4. */
inline void scale_and_minimum(const uint8_t * packed, int j, int & scale, int & minimum) {
    if (j < 4) {
        scale   = packed[j] & 63;
        minimum = packed[j + 4] & 63;
    } else {
        scale   = (packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4);
        minimum = (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4);
    }
}

template <typename Block> void unpack_scales(const Block * block, Unpacked & to) {
    ggml_half halves[2]; // the block's first members, whose names differ between compilers
    memcpy(halves, block, sizeof(halves));
    const float d = widen(halves[0]), dmin = widen(halves[1]);
    for (int j = 0; j < 8; ++j) {
        int scale, minimum;
        scale_and_minimum(block->scales, j, scale, minimum);
        to.set(32*j, 32*j + 32, d*scale, dmin*minimum);
    }
}

inline void unpack(const block_q4_K * block, int, Unpacked & to) {
    for (int j = 0; j < 4; ++j) halves<32>(block->qs + 32*j, to.bytes + 64*j, to.bytes + 64*j + 32);
    unpack_scales(block, to);
}

inline void unpack(const block_q5_K * block, int, Unpacked & to) {
    uint8_t high[32];
    memcpy(high, block->qh, sizeof(high));
    for (int j = 0; j < 8; ++j) {
        if (j % 2 == 0) halves<32>(block->qs + 16*j, to.bytes + 32*j, to.bytes + 32*j + 32);
        for (int i = 0; i < 32; ++i) to.bytes[32*j + i] |= (high[i] >> j & 1) << 4;
    }
    unpack_scales(block, to);
}

inline void unpack(const block_q6_K * block, int, Unpacked & to) {
    for (int half = 0; half < 2; ++half) {
        uint8_t   high[32];
        uint8_t * out = to.bytes + 128*half;
        memcpy(high, block->qh + 32*half, sizeof(high));
        halves<64>(block->ql + 64*half, out, out + 64);
        for (int j = 0; j < 4; ++j) {
            for (int i = 0; i < 32; ++i) out[32*j + i] |= (high[i] >> 2*j & 3) << 4;
        }
    }
    const float d = widen(block->d);
    for (int g = 0; g < 256/GROUP; ++g) to.set(GROUP*g, GROUP*g + GROUP, d*block->scales[g], 32*d*block->scales[g]);
}

} // namespace paligemma
