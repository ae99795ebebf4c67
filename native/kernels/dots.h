// Sums of four products of bytes, which instruction sets have for quantised weights: weights are unsigned, activations signed.
// PALIGEMMA_BYTE_PAIRS: sums of eight products, of two rows with two columns at once.
#pragma once

#include "vector.h"

namespace paligemma {

#if !defined(PALIGEMMA_PLAIN_KERNELS) && defined(__AVX512BW__) && defined(__AVX512VL__)

#define PALIGEMMA_BYTE_KERNELS
constexpr int  BYTE_VECTORS = 2, BYTE_COLUMNS = 6;
constexpr bool SIGNED_WEIGHTS = false;

using Dots = __m512i;
inline Dots no_dots() { return _mm512_setzero_si512(); }
inline Dots load_bytes(const void * x) { return _mm512_loadu_si512(x); }
inline Dots broadcast_bytes(const void * x) { return _mm512_set1_epi32(*(const int32_t *) x); }
#if defined(__AVX512VNNI__)
/**
 * FITS: so many sums of four fit an accumulator, of weights below 16, 32, 64 and 256; 0: none does, 8: a whole block of 32.
 * STARTS_ANYWHERE: a sum may begin with any whole number of 32 bits.
 */
constexpr int  FITS_16 = 8, FITS_32 = 8, FITS_64 = 8, FITS_256 = 8;
constexpr bool STARTS_ANYWHERE = true;
inline Dots   add_dots(Dots w, Dots x, Dots sum) { return _mm512_dpbusd_epi32(sum, w, x); }
inline Vector to_floats(Dots sum) { return _mm512_cvtepi32_ps(sum); }
#else
// Two sums of two products in 16 bits each: 15*127*2*8, 31*127*2*4 and 63*127*2*2 are below 32768.
constexpr int  FITS_16 = 8, FITS_32 = 4, FITS_64 = 2, FITS_256 = 0;
constexpr bool STARTS_ANYWHERE = false;
inline Dots   add_dots(Dots w, Dots x, Dots sum) { return _mm512_add_epi16(sum, _mm512_maddubs_epi16(w, x)); }
inline Vector to_floats(Dots sum) { return _mm512_cvtepi32_ps(_mm512_madd_epi16(sum, _mm512_set1_epi16(1))); }
#endif

#elif !defined(PALIGEMMA_PLAIN_KERNELS) && defined(__AVX2__) && !defined(__AVX512F__)

#define PALIGEMMA_BYTE_KERNELS
constexpr int  BYTE_VECTORS = 2, BYTE_COLUMNS = 3;
constexpr bool SIGNED_WEIGHTS = false;

using Dots = __m256i;
inline Dots no_dots() { return _mm256_setzero_si256(); }
inline Dots load_bytes(const void * x) { return _mm256_loadu_si256((const __m256i *) x); }
inline Dots broadcast_bytes(const void * x) { return _mm256_set1_epi32(*(const int32_t *) x); }
#if defined(__AVXVNNI__)
constexpr int  FITS_16 = 8, FITS_32 = 8, FITS_64 = 8, FITS_256 = 8;
constexpr bool STARTS_ANYWHERE = true;
inline Dots   add_dots(Dots w, Dots x, Dots sum) { return _mm256_dpbusd_avx_epi32(sum, w, x); }
inline Vector to_floats(Dots sum) { return _mm256_cvtepi32_ps(sum); }
#else
constexpr int  FITS_16 = 8, FITS_32 = 4, FITS_64 = 2, FITS_256 = 0; // as above
constexpr bool STARTS_ANYWHERE = false;
inline Dots   add_dots(Dots w, Dots x, Dots sum) {
    sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(w, x));
#ifdef __GNUC__
    __asm__("" : "+x"(sum)); // or the compiler adds up in another order, for which the registers do not suffice
#endif
    return sum;
}
inline Vector to_floats(Dots sum) { return _mm256_cvtepi32_ps(_mm256_madd_epi16(sum, _mm256_set1_epi16(1))); }
#endif

#elif !defined(PALIGEMMA_PLAIN_KERNELS) && defined(__ARM_NEON) && defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)

#define PALIGEMMA_BYTE_KERNELS
constexpr int  FITS_16 = 8, FITS_32 = 8, FITS_64 = 8, FITS_256 = 8;
constexpr bool STARTS_ANYWHERE = true;
constexpr bool SIGNED_WEIGHTS = true; // below 128 they are the same

using Dots = int32x4_t;
inline Dots   no_dots() { return vdupq_n_s32(0); }
inline Dots   load_bytes(const void * x) { return vld1q_s32((const int32_t *) x); }
inline Vector to_floats(Dots sum) { return vcvtq_f32_s32(sum); }
#if defined(__ARM_FEATURE_MATMUL_INT8)
#define PALIGEMMA_BYTE_PAIRS
constexpr int BYTE_VECTORS = 2, BYTE_COLUMNS = 6;
inline Dots add_dots(Dots w, Dots x, Dots sum) { return vmmlaq_s32(sum, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(x)); }
/** The same two whole numbers twice. */
inline Dots broadcast_pair(const void * x) { return vreinterpretq_s32_s64(vld1q_dup_s64((const int64_t *) x)); }
/** Of two rows and two more, each with two columns: all four with one of the columns. */
inline Dots first_of_pairs(Dots low, Dots high) { return vuzp1q_s32(low, high); }
inline Dots second_of_pairs(Dots low, Dots high) { return vuzp2q_s32(low, high); }
#else
constexpr int BYTE_VECTORS = 1, BYTE_COLUMNS = 12;
inline Dots add_dots(Dots w, Dots x, Dots sum) { return vdotq_s32(sum, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(x)); }
inline Dots broadcast_bytes(const void * x) { return vld1q_dup_s32((const int32_t *) x); }
#endif

#elif defined(PALIGEMMA_PLAIN_KERNELS) // for tests: elsewhere ggml's own are better than this

#define PALIGEMMA_BYTE_KERNELS
constexpr int  BYTE_VECTORS = 1, BYTE_COLUMNS = 4;
constexpr int  FITS_16 = 8, FITS_32 = 8, FITS_64 = 8, FITS_256 = 8;
constexpr bool STARTS_ANYWHERE = true;
constexpr bool SIGNED_WEIGHTS = false;

struct Dots { int32_t lane[LANES]; };
inline Dots no_dots() { return {}; }
inline Dots load_bytes(const void * x) {
    Dots dots;
    memcpy(&dots, x, sizeof(dots));
    return dots;
}
inline Dots broadcast_bytes(const void * x) {
    Dots dots;
    for (int32_t & lane : dots.lane) memcpy(&lane, x, sizeof(lane));
    return dots;
}
inline Dots dots(Dots w, Dots x, Dots sum) {
    for (int i = 0; i < 4*LANES; ++i) sum.lane[i/4] += ((const uint8_t *) w.lane)[i]*((const int8_t *) x.lane)[i];
    return sum;
}
#if defined(PALIGEMMA_PAIR_TWIN) // does what Arm's products of matrices in bytes do
#define PALIGEMMA_BYTE_PAIRS
inline Dots add_dots(Dots w, Dots x, Dots sum) {
    for (int i = 0; i < 32; ++i) sum.lane[i/8] += ((const uint8_t *) w.lane)[i/16*8 + i % 8]*((const int8_t *) x.lane)[i % 16];
    return sum;
}
inline Dots broadcast_pair(const void * x) {
    Dots dots;
    for (int i = 0; i < 4; i += 2) memcpy(dots.lane + i, x, 2*sizeof(int32_t));
    return dots;
}
inline Dots first_of_pairs(Dots low, Dots high) { return {{low.lane[0], low.lane[2], high.lane[0], high.lane[2]}}; }
inline Dots second_of_pairs(Dots low, Dots high) { return {{low.lane[1], low.lane[3], high.lane[1], high.lane[3]}}; }
#else
inline Dots add_dots(Dots w, Dots x, Dots sum) { return dots(w, x, sum); }
#endif
inline Vector to_floats(Dots sum) {
    Vector wide;
    for (int i = 0; i < LANES; ++i) wide.lane[i] = (float) sum.lane[i];
    return wide;
}

#endif

} // namespace paligemma
