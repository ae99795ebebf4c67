#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace paligemma {
namespace {

// Pillow works 8-bit images in fixed point: 8 bits of result and 2 of headroom leave 22 for the weights. It rounds to
// 8 bit after each of the two passes, so a float resize differs from it by up to two levels.
constexpr int    WEIGHT_BITS   = 32 - 8 - 2;
constexpr int32_t HALF         = 1 << (WEIGHT_BITS - 1);
constexpr double CUBIC_SUPPORT = 2.0;
constexpr double A             = -0.5; // Keys' cubic with Pillow's parameter; OpenCV and PyTorch use -0.75

double cubic(double x) {
    x = std::fabs(x);
    if (x < 1.0) return ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * A;
    return 0.0;
}

double triangle(double x) {
    return std::max(1.0 - std::fabs(x), 0.0);
}

// The input samples that make one output sample, and what each weighs.
template <typename Weight> struct Window {
    size_t              first = 0;
    std::vector<Weight> weights;
};

// Pillow's windows: the filter's centre falls between samples, and it widens when the image shrinks (antialiasing).
class Windows {
public:
    Windows(size_t in, size_t out, double (*filter)(double), double support)
        : in_(int(in)), scale_(double(in) / double(out)), stretch_(std::max(scale_, 1.0)), reach_(support * stretch_), filter_(filter) {}

    Window<double> at(size_t i) const {
        const double centre = (double(i) + 0.5) * scale_;
        const int    first  = std::max(int(centre - reach_ + 0.5), 0);
        const int    last   = std::min(int(centre + reach_ + 0.5), in_);
        Window<double> window{size_t(first), {}};
        double sum = 0.0;
        for (int x = first; x < last; ++x) {
            window.weights.push_back(filter_((x - centre + 0.5) * (1.0 / stretch_)));
            sum += window.weights.back();
        }
        if (sum != 0.0) {
            for (double & w : window.weights) w /= sum;
        }
        return window;
    }

private:
    int    in_;
    double scale_, stretch_, reach_;
    double (*filter_)(double);
};

Window<int32_t> fixed_point(const Window<double> & window) {
    Window<int32_t> fixed{window.first, {}};
    for (double w : window.weights) {
        const double v = w * double(1 << WEIGHT_BITS);
        fixed.weights.push_back(int32_t(v < 0.0 ? v - 0.5 : v + 0.5));
    }
    return fixed;
}

uint8_t round8(int32_t fixed) {
    return uint8_t(std::clamp(fixed >> WEIGHT_BITS, 0, 255));
}

// Shrinks or stretches one row of three channels.
void resize_row(const uint8_t * in, const std::vector<Window<int32_t>> & windows, uint8_t * out) {
    for (const auto & window : windows) {
        int32_t r = HALF, g = HALF, b = HALF;
        const uint8_t * p = in + window.first * 3;
        for (int32_t w : window.weights) {
            r += p[0] * w;
            g += p[1] * w;
            b += p[2] * w;
            p += 3;
        }
        *out++ = round8(r);
        *out++ = round8(g);
        *out++ = round8(b);
    }
}

} // namespace

// Rows are taken one by one and added to the output rows that they are part of, so that memory depends on the output only,
// however tall the picture is. Sums of integers: the order does not matter.
std::vector<uint8_t> resize_bicubic(const uint8_t * rgb, size_t width, size_t height, size_t size) {
    std::vector<Window<int32_t>> across;
    const Windows columns(width, size, cubic, CUBIC_SUPPORT);
    for (size_t x = 0; x < size; ++x) across.push_back(fixed_point(columns.at(x)));

    struct Open { // an output row under way
        size_t               y;
        Window<int32_t>      window;
        std::vector<int32_t> sums;
    };
    const Windows        lines(height, size, cubic, CUBIC_SUPPORT);
    std::deque<Open>     open;
    std::vector<uint8_t> row(size * 3), result(size * size * 3);
    Open                 next{0, fixed_point(lines.at(0)), {}}; // the first output row that is not open yet
    for (size_t y = 0; y < height; ++y) {
        while (next.y < size && next.window.first <= y) {
            next.sums.assign(size * 3, HALF);
            const size_t after = next.y + 1;
            open.push_back(std::move(next));
            next = {after, after < size ? fixed_point(lines.at(after)) : Window<int32_t>{}, {}};
        }
        if (open.empty()) continue;
        resize_row(rgb + y * width * 3, across, row.data());
        for (auto & output : open) {
            const size_t at = y - output.window.first;
            if (at >= output.window.weights.size()) continue;
            const int32_t weight = output.window.weights[at];
            for (size_t i = 0; i < row.size(); ++i) output.sums[i] += row[i] * weight;
        }
        while (!open.empty() && open.front().window.first + open.front().window.weights.size() <= y + 1) {
            const auto & sums = open.front().sums;
            std::transform(sums.begin(), sums.end(), result.begin() + long(open.front().y * size * 3), round8);
            open.pop_front();
        }
    }
    return result;
}

void resize_bilinear(const float * values, size_t in_width, size_t in_height, size_t out_width, size_t out_height,
                     const std::function<void(size_t y, const float * row)> & take) {
    const auto sum = [](const Window<double> & window, const float * in, size_t step) {
        double total = 0.0;
        for (size_t i = 0; i < window.weights.size(); ++i) total += double(in[(window.first + i) * step]) * window.weights[i];
        return float(total);
    };
    const Windows columns(in_width, out_width, triangle, 1.0);
    std::vector<float> narrow(in_height * out_width);
    for (size_t x = 0; x < out_width; ++x) {
        const auto window = columns.at(x);
        for (size_t y = 0; y < in_height; ++y) narrow[y * out_width + x] = sum(window, values + y * in_width, 1);
    }
    const Windows lines(in_height, out_height, triangle, 1.0);
    std::vector<float> row(out_width);
    for (size_t y = 0; y < out_height; ++y) {
        const auto window = lines.at(y);
        for (size_t x = 0; x < out_width; ++x) row[x] = sum(window, &narrow[x], out_width);
        take(y, row.data());
    }
}

} // namespace paligemma
