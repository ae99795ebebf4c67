#include "header.h"

#include <stdexcept>

#include "file.h"
#include "ggml-cpp.h"
#include "ggml.h"
#include "gguf.h"
#include "log.h"

namespace paligemma {
namespace {

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

} // namespace

GgufHeader read_gguf_header(const std::string & path) {
    GgufHeader header;
    header.file_size = File(path, "rb").size();

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
    std::vector<uint8_t> bytes(size);
    if (!File(path, "rb").read(offset, bytes.data(), size)) throw std::runtime_error(path + ": ends too early");
    return bytes;
}

} // namespace paligemma
