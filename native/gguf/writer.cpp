#include "gguf/writer.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/backends.h"
#include "ggml-cpp.h"
#include "gguf.h"

namespace paligemma {
namespace {

// Values that a thread works on at a time. Transposed sources are read in more, for their pieces are short.
constexpr int64_t BLOCK            = 1 << 20;
constexpr int64_t TRANSPOSED_BLOCK = 1 << 22;

struct SetEntry {
    gguf_context * gguf;
    const char   * key;

    void operator()(bool v) const { gguf_set_val_bool(gguf, key, v); }
    void operator()(uint32_t v) const { gguf_set_val_u32(gguf, key, v); }
    void operator()(float v) const { gguf_set_val_f32(gguf, key, v); }
    void operator()(const std::string & v) const { gguf_set_val_str(gguf, key, v.c_str()); }
    void operator()(const std::vector<float> & v) const { gguf_set_arr_data(gguf, key, GGUF_TYPE_FLOAT32, v.data(), v.size()); }
    void operator()(const std::vector<int32_t> & v) const { gguf_set_arr_data(gguf, key, GGUF_TYPE_INT32, v.data(), v.size()); }
    void operator()(const std::vector<std::string> & v) const {
        std::vector<const char *> strings;
        strings.reserve(v.size());
        for (const auto & s : v) strings.push_back(s.c_str());
        gguf_set_arr_str(gguf, key, strings.data(), strings.size());
    }
};

// A tensor as rows of whole quantisation blocks. What stays float32 may have short rows; they are taken together.
struct Layout {
    int64_t width, rows;

    explicit Layout(const GgufTensorPlan & tensor) : width(tensor.shape[0]), rows(1) {
        int64_t values = 1;
        for (int64_t size : tensor.shape) values *= size;
        if (tensor.source.values.width() > width) width = tensor.source.values.width();
        rows = values / width;
    }
};

struct Task {
    const GgufTensorPlan * tensor;
    int64_t                width, first, count;
    uint64_t               offset; // in the file written
};

std::vector<Task> split(const GgufPlan & plan, const std::vector<uint64_t> & offsets) {
    std::vector<Task> tasks;
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
        const GgufTensorPlan & tensor = plan.tensors[i];
        const Layout  layout(tensor);
        const bool    transposed = tensor.source.values.columns.back().stride != 1;
        const int64_t step = std::max<int64_t>(1, (transposed ? TRANSPOSED_BLOCK : BLOCK) / layout.width);
        for (int64_t row = 0; row < layout.rows; row += step) {
            tasks.push_back({&tensor, layout.width, row, std::min(step, layout.rows - row),
                             offsets[i] + uint64_t(row) * ggml_row_size(tensor.type, layout.width)});
        }
    }
    return tasks;
}

// What one thread does: reads a block of rows, converts it, writes it to its place.
class BlockWriter {
public:
    explicit BlockWriter(const std::string & path) : out_(path, "r+b") {}

    // Returns the source bytes read.
    uint64_t run(const Task & task) {
        const GgufTensorPlan & tensor = *task.tensor;
        const MatrixView & view = tensor.source.values;
        const int64_t present = std::clamp<int64_t>(view.height() - task.first, 0, task.count);
        const size_t  size = ggml_row_size(tensor.type, task.width) * size_t(task.count);
        result_.resize(size);
        if (view.type == tensor.type && tensor.source.low_rank.empty() && tensor.source.add == 0.0f && is_contiguous(view) &&
            view.width() == task.width && present == task.count) {
            reader_.copy(view, task.first, task.count, result_.data());
        } else {
            read(task, present);
            convert(task);
        }
        out_.write(task.offset, result_.data(), size);
        return uint64_t(present) * uint64_t(view.width()) * ggml_type_size(view.type);
    }

private:
    // Rows and columns that the source does not have are zero.
    void read(const Task & task, int64_t present) {
        const TensorSource & source = task.tensor->source;
        const int64_t width = source.values.width();
        values_.assign(size_t(task.width * task.count), 0.0f);
        if (present == 0) return;
        if (width == task.width) return reader_.read(source, task.first, present, values_.data());
        narrow_.resize(size_t(width * present));
        reader_.read(source, task.first, present, narrow_.data());
        for (int64_t i = 0; i < present; ++i) {
            std::copy_n(narrow_.data() + i * width, width, values_.data() + i * task.width);
        }
    }

    void convert(const Task & task) {
        const ggml_type type  = task.tensor->type;
        const int64_t   count = task.width * task.count;
        if (type == GGML_TYPE_F16) {
            check_range(task.tensor->name, 65504.0f, "values beyond float16's range, choose bf16 or f32");
            cpu_backend().fp32_to_fp16(values_.data(), reinterpret_cast<ggml_fp16_t *>(result_.data()), count);
            return;
        }
        // A quantiser would hide them in a block of numbers.
        if (ggml_is_quantized(type)) check_range(task.tensor->name, FLT_MAX, "values that are no finite numbers");
        ggml_quantize_chunk(type, values_.data(), result_.data(), 0, task.count, task.width, nullptr);
        if (!ggml_validate_row_data(type, result_.data(), result_.size())) {
            throw std::runtime_error("tensor " + task.tensor->name + " has values that are no finite numbers");
        }
    }

    void check_range(const std::string & name, float limit, const char * problem) const {
        size_t beyond = 0;
        for (float v : values_) beyond += !(std::fabs(v) <= limit); // so that NaN counts
        if (beyond) throw std::runtime_error("tensor " + name + " has " + problem);
    }

    File                 out_;
    TensorReader         reader_;
    std::vector<float>   values_, narrow_;
    std::vector<uint8_t> result_;
};

// Threads take tasks in order until none is left, one fails or the work is cancelled.
class Conversion {
public:
    Conversion(const GgufPlan & plan, std::vector<Task> tasks, const std::atomic<bool> & cancelled, const std::function<void(uint64_t)> & progress)
        : plan_(plan), tasks_(std::move(tasks)), cancelled_(cancelled), progress_(progress) {}

    void run() {
        std::vector<std::thread> threads;
        for (int i = 1; i < plan_.threads; ++i) threads.emplace_back([this] { work(); });
        work();
        for (auto & thread : threads) thread.join();
        if (error_) std::rethrow_exception(error_);
    }

private:
    void work() {
        try {
            BlockWriter writer(plan_.path);
            for (size_t i; !cancelled_ && !failed_ && (i = next_++) < tasks_.size();) report(writer.run(tasks_[i]));
        } catch (...) {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (!failed_.exchange(true)) error_ = std::current_exception();
        }
    }
    void report(uint64_t bytes) {
        const std::lock_guard<std::mutex> lock(mutex_);
        progress_(done_ += bytes);
    }

    const GgufPlan                      & plan_;
    const std::vector<Task>               tasks_;
    const std::atomic<bool>             & cancelled_;
    const std::function<void(uint64_t)> & progress_;
    std::atomic<size_t>                   next_{0};
    std::atomic<bool>                     failed_{false};
    std::mutex                            mutex_;
    uint64_t                              done_ = 0;
    std::exception_ptr                    error_;
};

} // namespace

ggml_type type_from_name(const std::string & name) {
    for (int t = 0; t < GGML_TYPE_COUNT; ++t) {
        const char * known = ggml_type_name(ggml_type(t));
        if (known && name == known) return ggml_type(t);
    }
    throw std::runtime_error("unknown tensor type " + name);
}

bool write_gguf(const GgufPlan & plan, const std::atomic<bool> & cancelled, const std::function<void(uint64_t)> & progress) {
    gguf_context_ptr gguf(gguf_init_empty());
    for (const auto & [key, value] : plan.values) std::visit(SetEntry{gguf.get(), key.c_str()}, value);

    ggml_context_ptr tensors(ggml_init({ggml_tensor_overhead() * (plan.tensors.size() + 1), nullptr, /*no_alloc*/ true}));
    for (const auto & t : plan.tensors) {
        ggml_tensor * tensor = ggml_new_tensor(tensors.get(), t.type, int(t.shape.size()), t.shape.data());
        ggml_set_name(tensor, t.name.c_str());
        gguf_add_tensor(gguf.get(), tensor);
    }

    std::vector<uint8_t> meta(gguf_get_meta_size(gguf.get()));
    gguf_get_meta_data(gguf.get(), meta.data());
    std::vector<uint64_t> offsets;
    uint64_t end = meta.size();
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
        offsets.push_back(meta.size() + gguf_get_tensor_offset(gguf.get(), int64_t(i)));
        end = offsets.back() + GGML_PAD(gguf_get_tensor_size(gguf.get(), int64_t(i)), gguf_get_alignment(gguf.get()));
    }

    File out(plan.path, "wb");
    out.write(0, meta.data(), meta.size());
    if (end > meta.size()) out.write(end - 1, "", 1); // what lies between is zero, which is what pads tensors

    Conversion(plan, split(plan, offsets), cancelled, progress).run();
    if (cancelled) return false;
    out.flush();
    return true;
}

} // namespace paligemma
