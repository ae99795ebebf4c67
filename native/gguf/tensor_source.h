// The values of a tensor wherever a checkpoint keeps them: in any element type, transposed or one of a stack, with a
// low-rank adapter to be added.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "ggml.h"

namespace paligemma {

// How many values there are along an axis and how far apart they lie, in values.
struct Axis {
    int64_t size;
    int64_t stride;
};

// A matrix in a file. Rows and columns may each be made of several axes, the slowest first. Either a row's values lie
// side by side or those of a column do.
struct MatrixView {
    std::string       path;
    uint64_t          offset; // bytes
    ggml_type         type;
    std::vector<Axis> rows;
    std::vector<Axis> columns;

    int64_t height() const;
    int64_t width() const;
};

// scale * left [height, rank] right [rank, width]
struct LowRank {
    MatrixView left;
    MatrixView right;
    float      scale;
};

struct TensorSource {
    MatrixView           values;
    std::vector<LowRank> low_rank; // added to the values: LoRA adapters
    float                add;      // added to every value: Gemma's norms are stored as w and used as 1 + w
};

// Reads blocks of rows. One a thread: it keeps files open and its buffers.
class TensorReader {
public:
    // Rows [first, first + count) as float32 into `out` [count, source.values.width()].
    // Throws std::runtime_error when a file cannot be read or ends too early.
    void read(const TensorSource & source, int64_t first, int64_t count, float * out);

    // The same rows as they are stored, for a view whose rows follow one another.
    void copy(const MatrixView & view, int64_t first, int64_t count, void * out);

private:
    void read_view(const MatrixView & view, int64_t first, int64_t count, float * out);
    void read_run(const MatrixView & view, int64_t start, int64_t count, float * out);
    void read_transposed(const MatrixView & view, int64_t start, int64_t count, float * out);
    void read_values(const MatrixView & view, int64_t start, int64_t count, float * out);
    void read_bytes(const MatrixView & view, int64_t start, int64_t count, void * out);
    File & file(const std::string & path);

    std::map<std::string, File> files_;
    std::vector<uint8_t>        raw_;
    std::vector<float>          left_, right_, column_, delta_;
};

// Whether rows follow one another without a gap.
bool is_contiguous(const MatrixView & view);

} // namespace paligemma
