// One row of 16-bit weights times one row of float32 activations: what a single token's products are made of. Rounding the
// activations to 16 bits, as ggml does, costs more than rounding the weights did.
#include "vector.h"

namespace paligemma {

template <typename T> static float dot(int n, const T * x, const float * y) {
    Vector sums[4] = {zero(), zero(), zero(), zero()};
    int    i = 0;
    for (; i + 4*LANES <= n; i += 4*LANES) {
        for (int k = 0; k < 4; ++k) sums[k] = multiply_add(load(x + i + LANES*k), load(y + i + LANES*k), sums[k]);
    }
    for (; i + LANES <= n; i += LANES) sums[0] = multiply_add(load(x + i), load(y + i), sums[0]);
    float total = sum(add(add(sums[0], sums[1]), add(sums[2], sums[3])));
    if (i < n) {
        T     xs[LANES] = {};
        float ys[LANES] = {};
        for (int k = 0; i + k < n; ++k) {
            xs[k] = x[i + k];
            ys[k] = y[i + k];
        }
        total += sum(multiply_add(load(xs), load(ys), zero()));
    }
    return total;
}

} // namespace paligemma

extern "C" {

void ggml_vec_dot_f16_f32(int n, float * s, size_t, const ggml_fp16_t * x, size_t, const float * y, size_t, int) {
    *s = paligemma::dot(n, x, y);
}

void ggml_vec_dot_bf16_f32(int n, float * s, size_t, const ggml_bf16_t * x, size_t, const float * y, size_t, int) {
    *s = paligemma::dot(n, x, y);
}

} // extern "C"
