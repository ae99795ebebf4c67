// Quantised weights in registers, as they come from memory: for products with a few columns, where reading is what takes the
// time. A chunk is CHUNK weights of a row: four registers of bytes in their order and a scale for each GROUP of them.
#pragma once

#include "dots.h"
#include "unpack.h"

#if defined(PALIGEMMA_PLAIN_KERNELS) || (defined(PALIGEMMA_BYTE_KERNELS) && defined(__AVX2__))
#define PALIGEMMA_QUANT_KERNELS

namespace paligemma {

constexpr int CHUNK = 16*LANES;

struct Quants {
    Dots   bytes[4]; // unsigned, but those of q8_0 signed where sums begin with nothing
    Vector scales, minimums;
};

/** What stands for a weight of 0 in the bytes; 0 where minimums are each their own, or bytes are signed. */
constexpr int zero_of(ggml_type type) {
    switch (type) {
        case GGML_TYPE_Q4_0: return 8;
        case GGML_TYPE_Q6_K: return 32;
        case GGML_TYPE_Q8_0: return STARTS_ANYWHERE ? 128 : 0;
        default:             return 0;
    }
}
constexpr bool has_minimums(ggml_type type) { return type == GGML_TYPE_Q4_K || type == GGML_TYPE_Q5_K; }

// dots: sums of four products, of unsigned bytes and signed ones. signed_dots: of signed ones. as_floats: the same bits.
// spread: the scales of register q's sums. read: a chunk of a row.
#if defined(PALIGEMMA_PLAIN_KERNELS)

inline Dots   signed_dots(Dots w, Dots x) {
    Dots sums = no_dots();
    for (int i = 0; i < 4*LANES; ++i) sums.lane[i/4] += ((const int8_t *) w.lane)[i]*((const int8_t *) x.lane)[i];
    return sums;
}
inline Vector whole_to_floats(Dots x) { return to_floats(x); }
inline Vector spread(Vector scales, int q) { return broadcast(scales.lane[q]); }

template <ggml_type TYPE> PALIGEMMA_INLINE Quants read(const char * row, int64_t chunk) {
    using Block = typename BlockOf<TYPE>::type;
    const int64_t at = chunk*CHUNK;
    const Block * block = (const Block *) row + at/weights_of(TYPE);
    const int     skip  = (int) (at % weights_of(TYPE));
    Unpacked      all;
    if constexpr (TYPE == GGML_TYPE_Q8_0) unpack(block, CHUNK, all, zero_of(TYPE));
    else unpack(block, CHUNK, all);
    Quants w;
    for (int q = 0; q < 4; ++q) w.bytes[q] = load_bytes(all.bytes + skip + 4*LANES*q);
    w.scales   = load(all.scales + skip/GROUP);
    w.minimums = load(all.minimums + skip/GROUP);
    return w;
}

#elif defined(__AVX512BW__) && defined(__AVX512VL__)

#if defined(__AVX512VNNI__)
inline Dots dots(Dots w, Dots x, Dots start) { return _mm512_dpbusd_epi32(start, w, x); }
#else
inline Dots dots(Dots w, Dots x, Dots start) {
    return _mm512_add_epi32(start, _mm512_madd_epi16(_mm512_maddubs_epi16(w, x), _mm512_set1_epi16(1)));
}
#endif
/** |w| times x with the sign of w. */
inline Dots signed_dots(Dots w, Dots x) {
    return dots(_mm512_abs_epi8(w), _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(w), no_dots(), x), no_dots());
}

inline Vector whole_to_floats(Dots x) { return _mm512_cvtepi32_ps(x); }
inline Vector as_floats(Dots x) { return _mm512_castsi512_ps(x); }

inline Vector spread(Vector scales, int q) {
    const __m512i first = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    return _mm512_permutexvar_ps(_mm512_add_epi32(first, _mm512_set1_epi32(4*q)), scales);
}

/** The low halves of 32 bytes and their high halves. */
inline Dots low_then_high(__m256i bytes) {
    const __m512i twice = _mm512_broadcast_i64x4(bytes), shifts = _mm512_inserti64x4(_mm512_set1_epi16(4), _mm256_setzero_si256(), 0);
    return _mm512_and_si512(_mm512_srlv_epi16(twice, shifts), _mm512_set1_epi8(15));
}
/** Of 32 bytes twice: bits `low` and `low + 1`, ... of the first and the second 32, as bits 4, 5, ... */
inline Dots high_bits(__m256i bytes, int first, int second, int mask) {
    const __m512i shifts = _mm512_inserti64x4(_mm512_set1_epi16((short) second), _mm256_set1_epi16((short) first), 0);
    const __m512i bits   = _mm512_and_si512(_mm512_srlv_epi16(_mm512_broadcast_i64x4(bytes), shifts), _mm512_set1_epi8((char) mask));
    return _mm512_slli_epi16(bits, 4);
}
inline __m256i load32(const void * x) { return _mm256_loadu_si256((const __m256i *) x); }

/** Eight scales and minimums of six bits: as get_scale_min_k4 of ggml has them, but all at once; each twice. */
inline void scales_and_minimums(const uint8_t * packed, float d, float dmin, Quants & w) {
    uint32_t words[3];
    memcpy(words, packed, sizeof(words));
    const uint32_t six = 0x3f3f3f3f, four = 0x0f0f0f0f, two = 0x03030303;
    const __m128i  all = _mm_setr_epi32((int) (words[0] & six), (int) ((words[2] & four) | (words[0] >> 6 & two) << 4),
                                        (int) (words[1] & six), (int) ((words[2] >> 4 & four) | (words[1] >> 6 & two) << 4));
    w.scales   = times(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_unpacklo_epi8(all, all))), broadcast(d));
    w.minimums = times(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_unpackhi_epi8(all, all))), broadcast(dmin));
}

template <ggml_type TYPE> PALIGEMMA_INLINE Quants read(const char * row, int64_t chunk) {
    using Block = typename BlockOf<TYPE>::type;
    const Block * block = (const Block *) row + chunk*(CHUNK/weights_of(TYPE));
    Quants        w;
    if constexpr (TYPE == GGML_TYPE_Q4_0) {
        const __m512i order = _mm512_setr_epi64(0, 1, 0, 1, 2, 3, 2, 3);
        const __m512i shifts = _mm512_setr_epi64(0, 0, 0x0004000400040004, 0x0004000400040004, 0, 0, 0x0004000400040004, 0x0004000400040004);
        for (int q = 0; q < 4; ++q) {
            const __m256i two = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *) block[2*q].qs)),
                                                        _mm_loadu_si128((const __m128i *) block[2*q + 1].qs), 1);
            const __m512i twice = _mm512_permutexvar_epi64(order, _mm512_castsi256_si512(two));
            w.bytes[q] = _mm512_and_si512(_mm512_srlv_epi16(twice, shifts), _mm512_set1_epi8(15));
        }
        // The scales are 18 bytes, nine words, apart: all within two registers.
        const __m512i at = _mm512_castsi256_si512(_mm256_setr_epi16(0, 0, 9, 9, 18, 18, 27, 27, 36, 36, 45, 45, 54, 54, 63, 63));
        const __m512i ds = _mm512_permutex2var_epi16(load_bytes(block), at, load_bytes((const char *) block + 64));
        w.scales = _mm512_cvtph_ps(_mm512_castsi512_si256(ds));
    } else if constexpr (TYPE == GGML_TYPE_Q8_0) {
        for (int q = 0; q < 4; ++q) {
            const __m512i bytes = _mm512_inserti64x4(_mm512_castsi256_si512(load32(block[2*q].qs)), load32(block[2*q + 1].qs), 1);
            w.bytes[q] = STARTS_ANYWHERE ? _mm512_xor_si512(bytes, _mm512_set1_epi8((char) 128)) : bytes;
        }
        const __m128i ds = _mm_setr_epi16((short) block[0].d, (short) block[1].d, (short) block[2].d, (short) block[3].d,
                                          (short) block[4].d, (short) block[5].d, (short) block[6].d, (short) block[7].d);
        w.scales = _mm512_cvtph_ps(_mm256_set_m128i(_mm_unpackhi_epi16(ds, ds), _mm_unpacklo_epi16(ds, ds)));
    } else if constexpr (has_minimums(TYPE)) {
        for (int q = 0; q < 4; ++q) {
            w.bytes[q] = low_then_high(load32(block->qs + 32*q));
            if constexpr (TYPE == GGML_TYPE_Q5_K)
                w.bytes[q] = _mm512_or_si512(w.bytes[q], high_bits(load32(block->qh), 2*q, 2*q + 1, 1));
        }
        ggml_half halves[2]; // the block's first members, whose names differ between compilers
        memcpy(halves, block, sizeof(halves));
        scales_and_minimums(block->scales, widen(halves[0]), widen(halves[1]), w);
    } else {
        for (int q = 0; q < 4; ++q) {
            const Dots low = load_bytes(block->ql + 64*(q/2)), half = q % 2 == 0 ? low : _mm512_srli_epi16(low, 4);
            w.bytes[q] = _mm512_or_si512(_mm512_and_si512(half, _mm512_set1_epi8(15)),
                                         high_bits(load32(block->qh + 32*(q/2)), 4*(q % 2), 4*(q % 2) + 2, 3));
        }
        const __m128i scales = _mm_loadu_si128((const __m128i *) block->scales);
        w.scales = times(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales)), broadcast(widen(block->d)));
    }
    return w;
}

#else // AVX2: a chunk is half a block of 256, or four of 32

#if defined(__AVXVNNI__)
inline Dots dots(Dots w, Dots x, Dots start) { return _mm256_dpbusd_avx_epi32(start, w, x); }
#else
inline Dots dots(Dots w, Dots x, Dots start) {
    return _mm256_add_epi32(start, _mm256_madd_epi16(_mm256_maddubs_epi16(w, x), _mm256_set1_epi16(1)));
}
#endif
inline Dots signed_dots(Dots w, Dots x) { return dots(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w), no_dots()); }

inline Vector whole_to_floats(Dots x) { return _mm256_cvtepi32_ps(x); }
inline Vector as_floats(Dots x) { return _mm256_castsi256_ps(x); }

inline Vector spread(Vector scales, int q) {
    const __m256i first = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
    return _mm256_permutevar8x32_ps(scales, _mm256_add_epi32(first, _mm256_set1_epi32(2*q)));
}

inline Dots low_half(Dots bytes) { return _mm256_and_si256(bytes, _mm256_set1_epi8(15)); }
inline Dots high_half(Dots bytes) { return low_half(_mm256_srli_epi16(bytes, 4)); }
/** Bits from `first` on, as many as `mask` has, as bits 4, 5, ... */
inline Dots high_bits(Dots bytes, int first, int mask) {
    const __m256i shifted = _mm256_srl_epi16(bytes, _mm_cvtsi32_si128(first));
    return _mm256_slli_epi16(_mm256_and_si256(shifted, _mm256_set1_epi8((char) mask)), 4);
}
/** Four numbers of 16 bits, each twice. */
inline Vector scales_of_four(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    const __m128 four = _mm_cvtph_ps(_mm_cvtsi64_si128((long long) (a | b << 16 | c << 32 | d << 48)));
    return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(four), _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}
/** Four bytes, each twice, times a number. */
inline Vector bytes_of_four(uint32_t bytes, float by) {
    const __m128i four = _mm_cvtsi32_si128((int) bytes);
    return times(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_unpacklo_epi8(four, four))), broadcast(by));
}

template <ggml_type TYPE> PALIGEMMA_INLINE Quants read(const char * row, int64_t chunk) {
    using Block = typename BlockOf<TYPE>::type;
    const Block * block = (const Block *) row + chunk*CHUNK/weights_of(TYPE);
    const int     half  = (int) (chunk % 2);
    Quants        w;
    if constexpr (TYPE == GGML_TYPE_Q4_0) {
        for (int q = 0; q < 4; ++q) {
            const __m128i bytes = _mm_loadu_si128((const __m128i *) block[q].qs);
            w.bytes[q] = low_half(_mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes));
        }
        w.scales = scales_of_four(block[0].d, block[1].d, block[2].d, block[3].d);
    } else if constexpr (TYPE == GGML_TYPE_Q8_0) {
        for (int q = 0; q < 4; ++q) {
            const Dots bytes = load_bytes(block[q].qs);
            w.bytes[q] = STARTS_ANYWHERE ? _mm256_xor_si256(bytes, _mm256_set1_epi8((char) 128)) : bytes;
        }
        w.scales = scales_of_four(block[0].d, block[1].d, block[2].d, block[3].d);
    } else if constexpr (has_minimums(TYPE)) {
        for (int q = 0; q < 4; ++q) {
            const Dots both = load_bytes(block->qs + 64*half + 32*(q/2));
            w.bytes[q] = q % 2 == 0 ? low_half(both) : high_half(both);
            if constexpr (TYPE == GGML_TYPE_Q5_K)
                w.bytes[q] = _mm256_or_si256(w.bytes[q], high_bits(load_bytes(block->qh), 4*half + q, 1));
        }
        ggml_half halves[2]; // the block's first members, whose names differ between compilers
        memcpy(halves, block, sizeof(halves));
        uint32_t words[3];
        memcpy(words, block->scales, sizeof(words));
        const uint32_t six = 0x3f3f3f3f, four = 0x0f0f0f0f, two = 0x03030303; // as get_scale_min_k4 of ggml has it, four at once
        const uint32_t scales = half ? (words[2] & four) | (words[0] >> 6 & two) << 4 : words[0] & six;
        const uint32_t minimums = half ? (words[2] >> 4 & four) | (words[1] >> 6 & two) << 4 : words[1] & six;
        w.scales   = bytes_of_four(scales, widen(halves[0]));
        w.minimums = bytes_of_four(minimums, widen(halves[1]));
    } else {
        for (int q = 0; q < 4; ++q) {
            const Dots both = load_bytes(block->ql + 64*half + 32*(q % 2));
            w.bytes[q] = _mm256_or_si256(q < 2 ? low_half(both) : high_half(both), high_bits(load_bytes(block->qh + 32*half), 2*q, 3));
        }
        const __m128i scales = _mm_loadl_epi64((const __m128i *) (block->scales + 8*half));
        w.scales = times(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(scales)), broadcast(widen(block->d)));
    }
    return w;
}

#endif

/** A chunk of which no more than `left` weights are there, a multiple of a block's. The others are 0. */
template <ggml_type TYPE> PALIGEMMA_INLINE Quants read_some(const char * row, int64_t chunk, int64_t left) {
    if (left >= CHUNK) return read<TYPE>(row, chunk);
    using Block = typename BlockOf<TYPE>::type;
    Block blocks[CHUNK/weights_of(TYPE) + 1] = {};
    memcpy(blocks, row + chunk*CHUNK/weights_of(TYPE)*sizeof(Block), left/weights_of(TYPE)*sizeof(Block));
    return read<TYPE>((const char *) blocks, 0);
}

} // namespace paligemma

#endif
