// The few operations that the products of matrices are written with, for each instruction set: a vector of `LANES` floats,
// read from float32, float16 or bfloat16, multiplied and added, rounded to bytes, and turned over in square blocks.
#pragma once

#include "compiler.h"

#include <cmath>
#include <cstdint>

#include "ggml-cpu-impl.h" // which says what MSVC does not: __FMA__, __F16C__

#if !defined(PALIGEMMA_PLAIN_KERNELS) && (defined(__AVX512F__) || defined(__AVX__) || defined(__SSE2__))
#include <immintrin.h>
#elif !defined(PALIGEMMA_PLAIN_KERNELS) && defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace paligemma {

/** A number of 16 bits. ggml's own way takes ten instructions. */
inline float widen(ggml_fp16_t x) {
#if defined(__F16C__) && !defined(PALIGEMMA_PLAIN_KERNELS)
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(x)));
#else
    return GGML_FP16_TO_FP32(x);
#endif
}

/** Register tile of a product: `TILE_VECTORS` vectors of weight rows times `TILE_COLUMNS` columns, as many as the registers hold. */
#if !defined(PALIGEMMA_PLAIN_KERNELS) && defined(__AVX512F__)

using Vector = __m512;
constexpr int LANES = 16, TILE_VECTORS = 2, TILE_COLUMNS = 12;

inline Vector zero() { return _mm512_setzero_ps(); }
inline Vector load(const float * x) { return _mm512_loadu_ps(x); }
inline Vector load(const ggml_fp16_t * x) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) x)); }
inline Vector load(const ggml_bf16_t * x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *) x)), 16));
}
inline void   store(float * y, Vector x) { _mm512_storeu_ps(y, x); }
inline Vector broadcast(float x) { return _mm512_set1_ps(x); }
inline Vector add(Vector x, Vector y) { return _mm512_add_ps(x, y); }
inline Vector times(Vector x, Vector y) { return _mm512_mul_ps(x, y); }
inline Vector multiply_add(Vector x, Vector y, Vector sum) { return _mm512_fmadd_ps(x, y, sum); }
inline float  sum(Vector x) { return _mm512_reduce_add_ps(x); }
inline Vector largest(Vector x, Vector most) { return _mm512_max_ps(_mm512_abs_ps(x), most); }
inline void   store_rounded(int8_t * y, Vector x) { _mm_storeu_si128((__m128i *) y, _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(x))); }

inline void transpose(Vector (&r)[LANES]) {
    Vector t[LANES];
    for (int i = 0; i < 16; i += 2) {
        t[i]     = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        for (int j = 0; j < 2; ++j) {
            const __m512d x = _mm512_castps_pd(t[i + j]), y = _mm512_castps_pd(t[i + j + 2]);
            r[i + 2*j]     = _mm512_castpd_ps(_mm512_unpacklo_pd(x, y));
            r[i + 2*j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(x, y));
        }
    }
    for (int i = 0; i < 16; i += 8) {
        for (int j = 0; j < 4; ++j) {
            t[i + j]     = _mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0x88);
            t[i + j + 4] = _mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0xDD);
        }
    }
    for (int j = 0; j < 8; ++j) {
        r[j]     = _mm512_shuffle_f32x4(t[j], t[j + 8], 0x88);
        r[j + 8] = _mm512_shuffle_f32x4(t[j], t[j + 8], 0xDD);
    }
}

#elif !defined(PALIGEMMA_PLAIN_KERNELS) && defined(__AVX__)

using Vector = __m256;
constexpr int LANES = 8, TILE_VECTORS = 2, TILE_COLUMNS = 6;

inline Vector zero() { return _mm256_setzero_ps(); }
inline Vector load(const float * x) { return _mm256_loadu_ps(x); }
#if defined(__F16C__)
inline Vector load(const ggml_fp16_t * x) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) x)); }
#else
inline Vector load(const ggml_fp16_t * x) {
    float wide[8];
    for (int i = 0; i < 8; ++i) wide[i] = widen(x[i]);
    return load(wide);
}
#endif
inline Vector load(const ggml_bf16_t * x) {
    const __m128i bits = _mm_loadu_si128((const __m128i *) x);
    const __m128  low  = _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), bits));
    const __m128  high = _mm_castsi128_ps(_mm_unpackhi_epi16(_mm_setzero_si128(), bits));
    return _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
}
inline void   store(float * y, Vector x) { _mm256_storeu_ps(y, x); }
inline Vector broadcast(float x) { return _mm256_set1_ps(x); }
inline Vector add(Vector x, Vector y) { return _mm256_add_ps(x, y); }
inline Vector times(Vector x, Vector y) { return _mm256_mul_ps(x, y); }
#if defined(__FMA__)
inline Vector multiply_add(Vector x, Vector y, Vector sum) { return _mm256_fmadd_ps(x, y, sum); }
#else
inline Vector multiply_add(Vector x, Vector y, Vector sum) { return add(times(x, y), sum); }
#endif
inline Vector largest(Vector x, Vector most) { return _mm256_max_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), x), most); }
inline void   store_rounded(int8_t * y, Vector x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extractf128_si256(whole, 1));
    _mm_storel_epi64((__m128i *) y, _mm_packs_epi16(words, words));
}
inline float  sum(Vector x) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}

inline void transpose(Vector (&r)[LANES]) {
    Vector t[LANES];
    for (int i = 0; i < 8; i += 2) {
        t[i]     = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; ++j) {
            const __m256d x = _mm256_castps_pd(t[i + j]), y = _mm256_castps_pd(t[i + j + 2]);
            r[i + 2*j]     = _mm256_castpd_ps(_mm256_unpacklo_pd(x, y));
            r[i + 2*j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(x, y));
        }
    }
    for (int j = 0; j < 4; ++j) {
        t[j]     = _mm256_permute2f128_ps(r[j], r[j + 4], 0x20);
        t[j + 4] = _mm256_permute2f128_ps(r[j], r[j + 4], 0x31);
    }
    for (int j = 0; j < 8; ++j) r[j] = t[j];
}

#elif !defined(PALIGEMMA_PLAIN_KERNELS) && defined(__ARM_NEON) && defined(__aarch64__)

using Vector = float32x4_t;
constexpr int LANES = 4, TILE_VECTORS = 2, TILE_COLUMNS = 12;

inline Vector zero() { return vdupq_n_f32(0.0f); }
inline Vector load(const float * x) { return vld1q_f32(x); }
inline Vector load(const ggml_fp16_t * x) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16((const uint16_t *) x))); }
inline Vector load(const ggml_bf16_t * x) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16((const uint16_t *) x), 16));
}
inline void   store(float * y, Vector x) { vst1q_f32(y, x); }
inline Vector broadcast(float x) { return vdupq_n_f32(x); }
inline Vector add(Vector x, Vector y) { return vaddq_f32(x, y); }
inline Vector times(Vector x, Vector y) { return vmulq_f32(x, y); }
inline Vector multiply_add(Vector x, Vector y, Vector sum) { return vfmaq_f32(sum, x, y); }
inline float  sum(Vector x) { return vaddvq_f32(x); }
inline Vector largest(Vector x, Vector most) { return vmaxnmq_f32(vabsq_f32(x), most); }
inline void   store_rounded(int8_t * y, Vector x) {
    const int16x4_t words = vqmovn_s32(vcvtnq_s32_f32(x));
    vst1_lane_s32((int32_t *) y, vreinterpret_s32_s8(vqmovn_s16(vcombine_s16(words, words))), 0);
}

inline void transpose(Vector (&r)[LANES]) {
    const float32x4x2_t ab = vtrnq_f32(r[0], r[1]), cd = vtrnq_f32(r[2], r[3]);
    r[0] = vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0]));
    r[1] = vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1]));
    r[2] = vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0]));
    r[3] = vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1]));
}

#else // plain: what the others must agree with, and what runs where there is none of them

struct Vector { float lane[4]; };
constexpr int LANES = 4, TILE_VECTORS = 2, TILE_COLUMNS = 4;

inline float widen(float x) { return x; }
inline float widen(ggml_bf16_t x) { return GGML_BF16_TO_FP32(x); }

inline Vector zero() { return {}; }
template <typename T> inline Vector load(const T * x) { return {{widen(x[0]), widen(x[1]), widen(x[2]), widen(x[3])}}; }
inline void   store(float * y, Vector x) { for (int i = 0; i < LANES; ++i) y[i] = x.lane[i]; }
inline Vector broadcast(float x) { return {{x, x, x, x}}; }
inline Vector add(Vector x, Vector y) {
    for (int i = 0; i < LANES; ++i) x.lane[i] += y.lane[i];
    return x;
}
inline Vector times(Vector x, Vector y) {
    for (int i = 0; i < LANES; ++i) x.lane[i] *= y.lane[i];
    return x;
}
inline Vector multiply_add(Vector x, Vector y, Vector sum) {
    for (int i = 0; i < LANES; ++i) sum.lane[i] += x.lane[i]*y.lane[i];
    return sum;
}
inline float  sum(Vector x) { return x.lane[0] + x.lane[1] + x.lane[2] + x.lane[3]; }
inline void   store_rounded(int8_t * y, Vector x) {
    for (int i = 0; i < LANES; ++i) y[i] = (int8_t) std::lrint(x.lane[i]);
}
inline Vector largest(Vector x, Vector most) {
    for (int i = 0; i < LANES; ++i) {
        const float size = x.lane[i] < 0 ? -x.lane[i] : x.lane[i];
        if (size > most.lane[i]) most.lane[i] = size;
    }
    return most;
}

inline void transpose(Vector (&r)[LANES]) {
    for (int i = 0; i < LANES; ++i) {
        for (int j = 0; j < i; ++j) {
            const float swapped = r[i].lane[j];
            r[i].lane[j] = r[j].lane[i];
            r[j].lane[i] = swapped;
        }
    }
}

#endif

} // namespace paligemma
