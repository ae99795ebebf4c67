#include "gguf_file.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "ggml-cpp.h"
#include "ggml.h"
#include "gguf.h"
#include "log.h"

#ifdef _WIN32
#include <io.h>
#else
#include <sys/types.h>
#include <unistd.h>
#endif

namespace paligemma {
namespace {

struct FileClose {
    void operator()(FILE * file) const { std::fclose(file); }
};
using File = std::unique_ptr<FILE, FileClose>;

File open_file(const std::string & path, const char * mode) {
    File file(ggml_fopen(path.c_str(), mode));
    if (!file) throw std::runtime_error(path + ": " + std::strerror(errno));
    return file;
}

void seek(FILE * file, uint64_t offset, int whence = SEEK_SET) {
#ifdef _WIN32
    const int failed = _fseeki64(file, int64_t(offset), whence);
#else
    const int failed = fseeko(file, off_t(offset), whence);
#endif
    if (failed) throw std::runtime_error(std::string("seek failed: ") + std::strerror(errno));
}

uint64_t size_of(FILE * file) {
    seek(file, 0, SEEK_END);
#ifdef _WIN32
    return uint64_t(_ftelli64(file));
#else
    return uint64_t(ftello(file));
#endif
}

void flush_to_disk(FILE * file, const std::string & path) {
#ifdef _WIN32
    const int failed = std::fflush(file) || _commit(_fileno(file));
#else
    const int failed = std::fflush(file) || fsync(fileno(file));
#endif
    if (failed) throw std::runtime_error(path + ": " + std::strerror(errno));
}

double number_at(const void * data, gguf_type type, size_t i) {
    switch (type) {
        case GGUF_TYPE_UINT8:   return static_cast<const uint8_t  *>(data)[i];
        case GGUF_TYPE_INT8:    return static_cast<const int8_t   *>(data)[i];
        case GGUF_TYPE_UINT16:  return static_cast<const uint16_t *>(data)[i];
        case GGUF_TYPE_INT16:   return static_cast<const int16_t  *>(data)[i];
        case GGUF_TYPE_UINT32:  return static_cast<const uint32_t *>(data)[i];
        case GGUF_TYPE_INT32:   return static_cast<const int32_t  *>(data)[i];
        case GGUF_TYPE_UINT64:  return double(static_cast<const uint64_t *>(data)[i]);
        case GGUF_TYPE_INT64:   return double(static_cast<const int64_t  *>(data)[i]);
        case GGUF_TYPE_FLOAT32: return static_cast<const float    *>(data)[i];
        case GGUF_TYPE_FLOAT64: return static_cast<const double   *>(data)[i];
        default:                return 0.0;
    }
}

GgufValue value_of(const gguf_context * gguf, int64_t i) {
    const gguf_type type = gguf_get_kv_type(gguf, i);
    if (type == GGUF_TYPE_STRING) return std::string(gguf_get_val_str(gguf, i));
    if (type == GGUF_TYPE_BOOL) return gguf_get_val_bool(gguf, i);
    if (type != GGUF_TYPE_ARRAY) return number_at(gguf_get_val_data(gguf, i), type, 0);

    constexpr uint64_t FEW = 16;
    const gguf_type of = gguf_get_arr_type(gguf, i);
    GgufArray array{gguf_type_name(of), uint64_t(gguf_get_arr_n(gguf, i)), {}};
    if (of != GGUF_TYPE_STRING && of != GGUF_TYPE_BOOL && array.length <= FEW) {
        for (size_t k = 0; k < array.length; ++k) array.numbers.push_back(number_at(gguf_get_arr_data(gguf, i), of, k));
    }
    return array;
}

ggml_type type_from_name(const std::string & name) {
    for (int t = 0; t < GGML_TYPE_COUNT; ++t) {
        const char * known = ggml_type_name(ggml_type(t));
        if (known && name == known) return ggml_type(t);
    }
    throw std::runtime_error("unknown tensor type " + name);
}

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

class Writer {
public:
    explicit Writer(const std::string & path) : path_(path), file_(open_file(path, "wb")) {}

    void write(const void * data, size_t size) {
        if (size && std::fwrite(data, 1, size, file_.get()) != size) {
            throw std::runtime_error(path_ + ": " + std::strerror(errno));
        }
    }
    void pad(size_t written, size_t alignment) {
        static const char zeros[64] = {};
        for (size_t left = (alignment - written % alignment) % alignment; left > 0;) {
            const size_t n = std::min(left, sizeof(zeros));
            write(zeros, n);
            left -= n;
        }
    }
    void flush() { flush_to_disk(file_.get(), path_); }

private:
    std::string path_;
    File        file_;
};

// Copies one tensor in blocks of whole rows, so that memory stays bounded and block quantisation has whole blocks.
class TensorCopy {
public:
    TensorCopy(const GgufTensorPlan & plan, const std::atomic<bool> & cancelled)
        : plan_(plan), cancelled_(cancelled), from_(type_from_name(plan.source_type)), to_(type_from_name(plan.type)) {}

    // Returns bytes written; reports source bytes read.
    size_t run(FILE * source, Writer & out, const std::function<void(size_t)> & read) {
        seek(source, plan_.source_offset);
        const int64_t width = plan_.shape[0];
        int64_t rows = 1;
        for (size_t d = 1; d < plan_.shape.size(); ++d) rows *= plan_.shape[d];

        constexpr int64_t BLOCK = 1 << 20; // values
        const int64_t step = std::max<int64_t>(1, BLOCK / width);
        size_t written = 0;
        for (int64_t row = 0; row < rows && !cancelled_; row += step) {
            const int64_t n = std::min(step, rows - row);
            raw_.resize(ggml_row_size(from_, width) * n);
            if (std::fread(raw_.data(), 1, raw_.size(), source) != raw_.size()) {
                throw std::runtime_error(plan_.source_path + ": ends within tensor " + plan_.name);
            }
            written += convert(width, n, out);
            read(raw_.size());
        }
        return written;
    }

private:
    size_t convert(int64_t width, int64_t n, Writer & out) {
        if (from_ == to_ && plan_.add == 0.0f) {
            out.write(raw_.data(), raw_.size());
            return raw_.size();
        }
        const int64_t count = width * n;
        floats_.resize(count);
        if (from_ == GGML_TYPE_F32) {
            std::memcpy(floats_.data(), raw_.data(), raw_.size());
        } else {
            ggml_get_type_traits(from_)->to_float(raw_.data(), floats_.data(), count);
        }
        if (plan_.add != 0.0f) {
            for (float & v : floats_) v += plan_.add;
        }
        if (to_ == GGML_TYPE_F16) check_float16_range();
        result_.resize(ggml_row_size(to_, width) * n);
        ggml_quantize_chunk(to_, floats_.data(), result_.data(), 0, n, width, nullptr);
        out.write(result_.data(), result_.size());
        return result_.size();
    }

    void check_float16_range() const {
        for (float v : floats_) {
            if (std::fabs(v) > 65504.0f) throw std::runtime_error("tensor " + plan_.name + " has values beyond float16's range, choose bf16 or f32");
        }
    }

    const GgufTensorPlan    & plan_;
    const std::atomic<bool> & cancelled_;
    ggml_type                 from_, to_;
    std::vector<uint8_t>      raw_, result_;
    std::vector<float>        floats_;
};

} // namespace

GgufHeader read_gguf_header(const std::string & path) {
    GgufHeader header;
    header.file_size = size_of(open_file(path, "rb").get());

    LogCapture log;
    ggml_context * meta = nullptr;
    gguf_context_ptr gguf(gguf_init_from_file(path.c_str(), {/*no_alloc*/ true, /*ctx*/ &meta}));
    ggml_context_ptr tensors(meta);
    if (!gguf) throw std::runtime_error(log.text().empty() ? "not a GGUF file" : log.text());

    for (int64_t i = 0; i < gguf_get_n_kv(gguf.get()); ++i) {
        header.values.emplace_back(gguf_get_key(gguf.get(), i), value_of(gguf.get(), i));
    }
    const uint64_t data = gguf_get_data_offset(gguf.get());
    for (int64_t i = 0; i < gguf_get_n_tensors(gguf.get()); ++i) {
        const char * name = gguf_get_tensor_name(gguf.get(), i);
        const ggml_tensor * tensor = ggml_get_tensor(tensors.get(), name);
        GgufTensorInfo info{name, ggml_type_name(gguf_get_tensor_type(gguf.get(), i)), {},
                            data + gguf_get_tensor_offset(gguf.get(), i), gguf_get_tensor_size(gguf.get(), i)};
        for (int d = 0; d < ggml_n_dims(tensor); ++d) info.shape.push_back(tensor->ne[d]);
        header.tensors.push_back(std::move(info));
    }
    return header;
}

std::vector<uint8_t> read_bytes(const std::string & path, uint64_t offset, uint64_t size) {
    const File file = open_file(path, "rb");
    seek(file.get(), offset);
    std::vector<uint8_t> bytes(size);
    if (std::fread(bytes.data(), 1, size, file.get()) != size) throw std::runtime_error(path + ": ends too early");
    return bytes;
}

bool write_gguf(const GgufPlan & plan, const std::atomic<bool> & cancelled, const std::function<void(uint64_t)> & progress) {
    gguf_context_ptr gguf(gguf_init_empty());
    for (const auto & [key, value] : plan.values) std::visit(SetEntry{gguf.get(), key.c_str()}, value);

    ggml_context_ptr tensors(ggml_init({ggml_tensor_overhead() * (plan.tensors.size() + 1), nullptr, /*no_alloc*/ true}));
    for (const auto & t : plan.tensors) {
        ggml_tensor * tensor = ggml_new_tensor(tensors.get(), type_from_name(t.type), int(t.shape.size()), t.shape.data());
        ggml_set_name(tensor, t.name.c_str());
        gguf_add_tensor(gguf.get(), tensor);
    }

    Writer out(plan.path);
    std::vector<uint8_t> meta(gguf_get_meta_size(gguf.get()));
    gguf_get_meta_data(gguf.get(), meta.data());
    out.write(meta.data(), meta.size());

    const size_t alignment = gguf_get_alignment(gguf.get());
    uint64_t     done      = 0;
    std::string  open_path;
    File         source;
    for (const auto & t : plan.tensors) {
        if (t.source_path != open_path) {
            source    = open_file(t.source_path, "rb");
            open_path = t.source_path;
        }
        TensorCopy copy(t, cancelled);
        const size_t written = copy.run(source.get(), out, [&](size_t bytes) { progress(done += bytes); });
        if (cancelled) return false;
        out.pad(written, alignment);
    }
    out.flush();
    return true;
}

} // namespace paligemma
