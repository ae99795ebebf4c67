// GELU (the tanh form, as in SigLIP and Gemma) by way of ggml's vectorised SiLU, which exists for every instruction set:
//   gelu(x) = x*sigmoid(u) = silu(u)*x/u   with u = k*x*(1 + a*x^2), k = 2*sqrt(2/pi), so x/u = 1/(k*(1 + a*x^2))
// ggml's own looks it up in a float16 table, which moves logits by hundredths.
#include <algorithm>

#include "vec.h"

namespace {

// Beyond it the result is x or 0 to float32 precision, and u must not overflow.
constexpr float BOUND = 10.0f;
constexpr float K     = 2.0f*0.79788456080286535587989211986876f;
constexpr float A     = 0.044715f;

template <typename F> void gelu(int n, const float * x, F && out) {
    constexpr int BLOCK = 128;
    float         u[BLOCK];
    for (int start = 0; start < n; start += BLOCK) {
        const int     count = std::min(BLOCK, n - start);
        const float * block = x + start;
        for (int i = 0; i < count; ++i) {
            const float c = std::min(std::max(block[i], -BOUND), BOUND);
            u[i] = K*c*(1.0f + A*c*c);
        }
        ggml_vec_silu_f32(count, u, u);
        for (int i = 0; i < count; ++i) {
            const float v = block[i];
            const float c = std::min(std::max(v, -BOUND), BOUND);
            const float g = u[i]/(K*(1.0f + A*c*c));
            out(start + i, v >= BOUND ? v : v <= -BOUND ? 0.0f : g);
        }
    }
}

} // namespace

extern "C" {

void ggml_vec_gelu_f32(const int n, float * y, const float * x) {
    gelu(n, x, [y](int i, float value) { y[i] = value; });
}

void ggml_vec_geglu_f32(const int n, float * y, const float * x, const float * g) {
    gelu(n, x, [y, g](int i, float value) { y[i] = value*g[i]; });
}

} // extern "C"
