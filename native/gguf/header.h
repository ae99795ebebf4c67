// Reading the header of a GGUF file. ggml's own reader ends the process on some damage and takes gigabytes or minutes for
// other: this one comes first, is stricter, and takes neither.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "ggml.h"
#include "gguf.h"

namespace paligemma {

struct GgufValue {
    gguf_type   type;
    double      number; // of a number or a truth value
    std::string text;
    // Of an array: what it is made of, and where it lies in the file.
    gguf_type   of;
    uint64_t    length;
    uint64_t    offset;
    uint64_t    bytes;
};

struct GgufTensorInfo {
    std::string          name;
    ggml_type            type;
    std::vector<int64_t> shape;  // ggml's order: the fastest dimension first
    uint64_t             offset; // from the start of the file
    uint64_t             size;   // bytes
};

struct GgufHeader {
    std::string                                path;
    uint64_t                                   file_size;
    std::unordered_map<std::string, GgufValue> values;
    std::vector<GgufTensorInfo>                tensors;

    // Null when it is not there.
    const GgufValue * find(const std::string & key) const;
};

// Reads everything but arrays and the tensors' data. What comes back, ggml reads too: names are unique, tensors lie one after
// another within the file, as aligned as the processor's library wants them.
// Throws std::runtime_error with the reason when the file is not whole GGUF.
GgufHeader read_gguf_header(const std::string & path);

// The elements of an array of texts.
std::vector<std::string> read_texts(const GgufHeader & header, const GgufValue & array);

// A part of a file. Throws std::runtime_error when it is not there.
std::vector<uint8_t> read_bytes(const std::string & path, uint64_t offset, uint64_t size);

// The elements of an array of numbers, whose type the caller has made sure of.
template <typename T> std::vector<T> read_numbers(const GgufHeader & header, const GgufValue & array) {
    const auto bytes = read_bytes(header.path, array.offset, array.length * sizeof(T));
    const auto * first = reinterpret_cast<const T *>(bytes.data());
    return {first, first + array.length};
}

} // namespace paligemma
