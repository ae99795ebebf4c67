#include "image/mask.h"

#include <algorithm>
#include <vector>

#include "image/resize.h"

namespace paligemma {
namespace {

// COCO's mask API: from the third run on the difference to the run before the last, in groups of five bits with the lowest
// first, a sixth bit for "more", offset by 48 to printable ASCII.
class RunText {
public:
    void add(int64_t run) {
        int64_t value = count_ > 2 ? run - before_last_ : run;
        for (bool more = true; more;) {
            int64_t bits = value & 0x1f;
            value >>= 5;
            more = bits & 0x10 ? value != -1 : value != 0;
            if (more) bits |= 0x20;
            text_ += char(bits + 48);
        }
        before_last_ = last_;
        last_        = run;
        ++count_;
    }
    std::string take() { return std::move(text_); }

private:
    std::string text_;
    int64_t     last_ = 0, before_last_ = 0;
    size_t      count_ = 0;
};

// Columns are followed so many at a time: going down one by one would read a line of the cache for every pixel.
constexpr size_t COLUMNS = 64;

} // namespace

void lay_mask(const float * opacities, size_t size, const Box & box, uint8_t * mask, size_t width) {
    resize_bilinear(opacities, size, size, box.width, box.height, [&](size_t y, const float * row) {
        uint8_t * to = mask + (box.top + y) * width + box.left;
        for (size_t x = 0; x < box.width; ++x) {
            if (row[x] > 0.5f) to[x] = 255;
        }
    });
}

std::string encode_runs(const uint8_t * mask, size_t width, size_t height) {
    RunText text;
    bool    set   = false; // of the last pixel of the column before
    int64_t begun = 0;     // where the run under way began, counted down the columns
    std::vector<std::vector<size_t>> changes(COLUMNS);
    for (size_t first = 0; first < width; first += COLUMNS) {
        const size_t columns = std::min(COLUMNS, width - first);
        for (auto & rows : changes) rows.clear();
        bool now[COLUMNS];
        for (size_t x = 0; x < columns; ++x) now[x] = x == 0 ? set : mask[(height - 1) * width + first + x - 1] != 0;
        for (size_t y = 0; y < height; ++y) {
            const uint8_t * row = mask + y * width + first;
            for (size_t x = 0; x < columns; ++x) {
                if ((row[x] != 0) == now[x]) continue;
                now[x] = !now[x];
                changes[x].push_back(y);
            }
        }
        for (size_t x = 0; x < columns; ++x) {
            for (size_t y : changes[x]) {
                const int64_t at = int64_t((first + x) * height + y);
                text.add(at - begun);
                begun = at;
            }
        }
        set = now[columns - 1];
    }
    text.add(int64_t(width * height) - begun);
    return text.take();
}

} // namespace paligemma
