#include "gguf/tensor_source.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "base/backends.h"

namespace paligemma {
namespace {

int64_t product(const std::vector<Axis> & axes) {
    int64_t size = 1;
    for (const Axis & axis : axes) size *= axis.size;
    return size;
}

// Where the value with this number lies, in values.
int64_t position(const std::vector<Axis> & axes, int64_t number) {
    int64_t at = 0;
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
        at += number % axis->size * axis->stride;
        number /= axis->size;
    }
    return at;
}

void to_float(ggml_type type, const void * from, float * to, int64_t count) {
    switch (type) {
        case GGML_TYPE_F32:  std::memcpy(to, from, size_t(count) * sizeof(float)); break;
        case GGML_TYPE_F16:  cpu_backend().fp16_to_fp32(static_cast<const ggml_fp16_t *>(from), to, count); break;
        case GGML_TYPE_BF16: cpu_backend().bf16_to_fp32(static_cast<const ggml_bf16_t *>(from), to, count); break;
        default:             throw std::runtime_error(std::string("values of type ") + ggml_type_name(type) + " cannot be converted");
    }
}

} // namespace

int64_t MatrixView::height() const { return product(rows); }
int64_t MatrixView::width() const { return product(columns); }

bool is_contiguous(const MatrixView & view) {
    return view.rows.size() == 1 && view.columns.size() == 1 && view.columns[0].stride == 1 &&
           (view.rows[0].stride == view.columns[0].size || view.rows[0].size == 1);
}

File & TensorReader::file(const std::string & path) {
    const auto found = files_.find(path);
    return found != files_.end() ? found->second : files_.emplace(path, File(path, "rb")).first->second;
}

void TensorReader::read_bytes(const MatrixView & view, int64_t start, int64_t count, void * out) {
    const size_t size = ggml_type_size(view.type);
    if (!file(view.path).read(view.offset + uint64_t(start) * size, out, size_t(count) * size)) {
        throw std::runtime_error(view.path + ": ends too early");
    }
}

void TensorReader::copy(const MatrixView & view, int64_t first, int64_t count, void * out) {
    read_bytes(view, first * view.width(), count * view.width(), out);
}

void TensorReader::read_values(const MatrixView & view, int64_t start, int64_t count, float * out) {
    if (view.type == GGML_TYPE_F32) return read_bytes(view, start, count, out);
    raw_.resize(size_t(count) * ggml_type_size(view.type));
    read_bytes(view, start, count, raw_.data());
    to_float(view.type, raw_.data(), out, count);
}

// `count` rows whose values lie side by side across them: row i of column j is at start + i + position(j).
void TensorReader::read_transposed(const MatrixView & view, int64_t start, int64_t count, float * out) {
    const int64_t width = view.width();
    const bool whole = view.columns.size() == 1 && view.columns[0].stride == count; // columns follow one another
    column_.resize(size_t(whole ? width * count : count));
    if (whole) read_values(view, start, width * count, column_.data());
    for (int64_t j = 0; j < width; ++j) {
        if (!whole) read_values(view, start + position(view.columns, j), count, column_.data());
        const float * column = column_.data() + (whole ? j * count : 0);
        for (int64_t i = 0; i < count; ++i) out[i * width + j] = column[i];
    }
}

// `count` rows of the innermost axis of the rows.
void TensorReader::read_run(const MatrixView & view, int64_t start, int64_t count, float * out) {
    const Axis & inner = view.columns.back();
    const int64_t step = view.rows.back().stride, width = view.width();
    if (inner.stride != 1) {
        if (step != 1) throw std::runtime_error(view.path + ": values lie apart in both directions");
        return read_transposed(view, start, count, out);
    }
    if (view.columns.size() == 1 && step == width) return read_values(view, start, count * width, out);
    for (int64_t i = 0; i < count; ++i) {
        for (int64_t j = 0; j < width; j += inner.size) {
            read_values(view, start + i * step + position(view.columns, j), inner.size, out + i * width + j);
        }
    }
}

void TensorReader::read_view(const MatrixView & view, int64_t first, int64_t count, float * out) {
    const int64_t inner = view.rows.back().size;
    for (int64_t row = first; row < first + count;) {
        const int64_t n = std::min(first + count - row, inner - row % inner);
        read_run(view, position(view.rows, row), n, out + (row - first) * view.width());
        row += n;
    }
}

void TensorReader::read(const TensorSource & source, int64_t first, int64_t count, float * out) {
    const int64_t width = source.values.width();
    read_view(source.values, first, count, out);
    for (const LowRank & added : source.low_rank) {
        const int64_t rank = added.right.height();
        left_.resize(size_t(count * rank));
        right_.resize(size_t(rank * width));
        delta_.resize(size_t(width));
        read_view(added.left, first, count, left_.data());
        read_view(added.right, 0, rank, right_.data());
        for (int64_t i = 0; i < count; ++i) {
            std::fill(delta_.begin(), delta_.end(), 0.0f);
            for (int64_t k = 0; k < rank; ++k) {
                const float   factor = left_[size_t(i * rank + k)];
                const float * row    = right_.data() + k * width;
                for (int64_t j = 0; j < width; ++j) delta_[size_t(j)] += factor * row[j];
            }
            for (int64_t j = 0; j < width; ++j) out[i * width + j] += added.scale * delta_[size_t(j)];
        }
    }
    if (source.add != 0.0f) {
        for (int64_t i = 0; i < count * width; ++i) out[i] += source.add;
    }
}

} // namespace paligemma
