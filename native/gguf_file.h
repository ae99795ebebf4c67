// Reading the header of a GGUF file and writing whole GGUF files, through ggml's own gguf.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace paligemma {

// ---- reading

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

// ---- writing

using GgufEntry = std::variant<bool, uint32_t, float, std::string, std::vector<std::string>, std::vector<float>, std::vector<int32_t>>;

// Where a tensor's values come from and how they change on the way.
struct GgufTensorPlan {
    std::string          name;
    std::vector<int64_t> shape; // ggml's order
    std::string          type;  // ggml type name to store
    std::string          source_path;
    uint64_t             source_offset;
    std::string          source_type; // f32, f16 or bf16
    float                add; // added to every value: Gemma's norms are stored as w and used as 1 + w
};

struct GgufPlan {
    std::string                                    path;
    std::vector<std::pair<std::string, GgufEntry>> values;
    std::vector<GgufTensorPlan>                    tensors;
};

// Writes the file and flushes it to the disk. Holds one block of rows in memory at a time. `progress` gets the source
// bytes done so far. Throws std::runtime_error; when `cancelled` turns true, returns false after removing nothing: the
// caller owns the path.
bool write_gguf(const GgufPlan & plan, const std::atomic<bool> & cancelled, const std::function<void(uint64_t)> & progress);

} // namespace paligemma
