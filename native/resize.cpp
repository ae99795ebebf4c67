#include "resize.h"

#include <algorithm>
#include <cmath>

namespace paligemma {
namespace {

// Pillow works 8-bit images in fixed point: 8 bits of result and 2 of headroom leave 22 for the weights. It rounds to
// 8 bit after each of the two passes, so a float resize differs from it by up to two levels.
constexpr int    WEIGHT_BITS = 32 - 8 - 2;
constexpr double SUPPORT     = 2.0;
constexpr double A           = -0.5; // Keys' cubic with Pillow's parameter; OpenCV and PyTorch use -0.75

double cubic(double x) {
    x = std::fabs(x);
    if (x < 1.0) return ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * A;
    return 0.0;
}

// The input samples that make one output sample, and what each weighs.
struct Window {
    size_t               first;
    std::vector<int32_t> weights;
};

std::vector<Window> windows(size_t in, size_t out) {
    const double scale   = double(in) / double(out);
    const double stretch = std::max(scale, 1.0); // antialiasing: the filter widens when the image shrinks
    const double reach   = SUPPORT * stretch;

    std::vector<Window> result(out);
    std::vector<double> real;
    for (size_t i = 0; i < out; ++i) {
        const double centre = (double(i) + 0.5) * scale;
        const int    first  = std::max(int(centre - reach + 0.5), 0);
        const int    last   = std::min(int(centre + reach + 0.5), int(in));

        real.clear();
        double sum = 0.0;
        for (int x = first; x < last; ++x) {
            real.push_back(cubic((x - centre + 0.5) * (1.0 / stretch)));
            sum += real.back();
        }
        result[i].first = size_t(first);
        for (double w : real) {
            const double v = (sum != 0.0 ? w / sum : w) * double(1 << WEIGHT_BITS);
            result[i].weights.push_back(int32_t(v < 0.0 ? v - 0.5 : v + 0.5));
        }
    }
    return result;
}

uint8_t round8(int32_t fixed) {
    return uint8_t(std::clamp(fixed >> WEIGHT_BITS, 0, 255));
}

// Sums one output sample of three channels; `step` is the distance between input samples in bytes.
void blend(const Window & window, const uint8_t * in, size_t step, uint8_t * out) {
    int32_t r = 1 << (WEIGHT_BITS - 1), g = r, b = r;
    const uint8_t * p = in + window.first * step;
    for (int32_t w : window.weights) {
        r += p[0] * w;
        g += p[1] * w;
        b += p[2] * w;
        p += step;
    }
    out[0] = round8(r);
    out[1] = round8(g);
    out[2] = round8(b);
}

} // namespace

std::vector<uint8_t> resize_bicubic(const uint8_t * rgb, size_t width, size_t height, size_t size) {
    const auto across = windows(width, size);
    std::vector<uint8_t> narrow(height * size * 3);
    for (size_t y = 0; y < height; ++y) {
        const uint8_t * row = rgb + y * width * 3;
        for (size_t x = 0; x < size; ++x) blend(across[x], row, 3, &narrow[(y * size + x) * 3]);
    }

    const auto down = windows(height, size);
    std::vector<uint8_t> result(size * size * 3);
    for (size_t y = 0; y < size; ++y) {
        for (size_t x = 0; x < size; ++x) blend(down[y], &narrow[x * 3], size * 3, &result[(y * size + x) * 3]);
    }
    return result;
}

} // namespace paligemma
