// Values as bfloat16, as tile units and products of pairs take them.
#pragma once

#include "quants.h"
#include "vector.h"

namespace paligemma {

// narrow: rounded to the nearest. split: and what that loses, which is rounded, too.
#if !defined(PALIGEMMA_PLAIN_KERNELS) && defined(__AVX512BF16__)

inline void narrow(Vector low, Vector high, uint16_t * to) {
    _mm512_storeu_si512(to, (__m512i) _mm512_cvtne2ps_pbh(high, low));
}
inline void narrow(const float * x, uint16_t * to) { narrow(load(x), load(x + LANES), to); }

inline void split(Vector low, Vector high, uint16_t * nearest, uint16_t * rest) {
    narrow(low, high, nearest);
    const auto * there = (const ggml_bf16_t *) nearest;
    narrow(_mm512_sub_ps(low, load(there)), _mm512_sub_ps(high, load(there + LANES)), rest);
}
inline void split(const float * x, uint16_t * nearest, uint16_t * rest) { split(load(x), load(x + LANES), nearest, rest); }
inline void split(const ggml_fp16_t * x, uint16_t * nearest, uint16_t * rest) { split(load(x), load(x + LANES), nearest, rest); }

#define PALIGEMMA_NARROW_CHUNKS
/** A chunk of quantised weights: 32 go to `to`, the next 32 `stride` values further. */
template <ggml_type TYPE> void narrow_chunk(const Quants & w, uint16_t * to, int64_t stride) {
    float scales[LANES], minimums[LANES]; // of 16 weights each
    store(scales, w.scales);
    store(minimums, has_minimums(TYPE) ? w.minimums : times(w.scales, broadcast((float) zero_of(TYPE))));
    for (int q = 0; q < 8; ++q, to += stride) {
        const __m256i bytes = q % 2 == 0 ? _mm512_castsi512_si256(w.bytes[q/2]) : _mm512_extracti64x4_epi64(w.bytes[q/2], 1);
        const Vector  low_by = broadcast(scales[2*q]), low_less = broadcast(minimums[2*q]);
        if constexpr (TYPE == GGML_TYPE_Q4_0 || TYPE == GGML_TYPE_Q4_K) { // one of 16 values, which are looked up
            const Vector  numbers = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            const __m256i table   = (__m256i) _mm512_cvtneps_pbh(_mm512_fmsub_ps(numbers, low_by, low_less));
            _mm512_storeu_si512(to, _mm512_permutexvar_epi16(_mm512_cvtepu8_epi16(bytes), _mm512_castsi256_si512(table)));
        } else {
            const Vector low  = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm256_castsi256_si128(bytes)));
            const Vector high = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm256_extracti128_si256(bytes, 1)));
            narrow(_mm512_fmsub_ps(low, low_by, low_less), _mm512_fmsub_ps(high, broadcast(scales[2*q + 1]), broadcast(minimums[2*q + 1])), to);
        }
    }
}

#else

inline uint16_t narrow(float x) { return GGML_FP32_TO_BF16(x).bits; }
inline void     narrow(Vector low, Vector high, uint16_t * to) {
    float wide[2*LANES];
    store(wide, low);
    store(wide + LANES, high);
    for (int i = 0; i < 2*LANES; ++i) to[i] = narrow(wide[i]);
}
inline void     narrow(const float * x, uint16_t * to) {
    for (int i = 0; i < 32; ++i) to[i] = narrow(x[i]);
}
inline void split(const float * x, uint16_t * nearest, uint16_t * rest) {
    for (int i = 0; i < 32; ++i) {
        nearest[i] = narrow(x[i]);
        rest[i]    = narrow(x[i] - GGML_BF16_TO_FP32(ggml_bf16_t{nearest[i]}));
    }
}
inline void split(const ggml_fp16_t * x, uint16_t * nearest, uint16_t * rest) {
    float wide[32];
    for (int i = 0; i < 32; ++i) wide[i] = widen(x[i]);
    split(wide, nearest, rest);
}

#endif

} // namespace paligemma
