// What computing costs, from what it took lately.
#pragma once

#include <algorithm>

namespace paligemma {

// The line through measured times that is nearest to them: a fixed part, and one for each of those computed together.
class TimeLine {
public:
    void add(double count, double milliseconds) {
        weight_ = KEEP * weight_ + 1;
        x_      = KEEP * x_ + count;
        y_      = KEEP * y_ + milliseconds;
        xx_     = KEEP * xx_ + count * count;
        xy_     = KEEP * xy_ + count * milliseconds;
    }

    // 0 until different counts have been measured.
    double fixed() const {
        const double spread = weight_ * xx_ - x_ * x_;
        if (spread <= 1e-6 * xx_) return 0;
        return std::max((y_ * xx_ - x_ * xy_) / spread, 0.0);
    }
    double mean() const { return weight_ > 0 ? y_ / weight_ : 0; }

private:
    static constexpr double KEEP = 0.97; // of what was before, so that a card that slows down is noticed

    double weight_ = 0, x_ = 0, y_ = 0, xx_ = 0, xy_ = 0;
};

} // namespace paligemma
