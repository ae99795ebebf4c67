// Reading the header of a GGUF file, through ggml's own gguf.h.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace paligemma {

// An array that is longer than a few numbers is described by its element type and length only.
struct GgufArray {
    std::string         type;
    uint64_t            length;
    std::vector<double> numbers;
};
using GgufValue = std::variant<bool, double, std::string, GgufArray>;

struct GgufTensorInfo {
    std::string          name;
    std::string          type;
    std::vector<int64_t> shape; // ggml's order: the fastest dimension first
    uint64_t             offset; // from the start of the file
    uint64_t             size;   // bytes
};

struct GgufHeader {
    uint64_t                                       file_size;
    std::vector<std::pair<std::string, GgufValue>> values;
    std::vector<GgufTensorInfo>                    tensors;
};

// Reads everything but the tensors' data. Throws std::runtime_error with the reason when the file is not whole GGUF.
GgufHeader read_gguf_header(const std::string & path);

// A part of a file. Throws std::runtime_error when it is not there.
std::vector<uint8_t> read_bytes(const std::string & path, uint64_t offset, uint64_t size);

} // namespace paligemma
