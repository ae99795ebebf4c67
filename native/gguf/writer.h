// Writing whole GGUF files, through ggml's own gguf.h and its quantisers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "gguf/tensor_source.h"

namespace paligemma {

using GgufEntry = std::variant<bool, uint32_t, float, std::string, std::vector<std::string>, std::vector<float>, std::vector<int32_t>>;

struct GgufTensorPlan {
    std::string          name;
    std::vector<int64_t> shape; // ggml's order: the fastest dimension first
    ggml_type            type;
    TensorSource         source; // where it is smaller than `shape`, zeros follow
};

struct GgufPlan {
    std::string                                    path;
    int                                            threads;
    std::vector<std::pair<std::string, GgufEntry>> values;
    std::vector<GgufTensorPlan>                    tensors;
};

// Writes the file and flushes it to the disk. Each thread holds one block of rows at a time, so memory does not depend on
// the model. `progress` gets the source bytes done so far, from one thread at a time. Throws std::runtime_error; returns
// false when `cancelled` turns true. The caller owns the path in either case.
bool write_gguf(const GgufPlan & plan, const std::atomic<bool> & cancelled, const std::function<void(uint64_t)> & progress);

// Type by its name in ggml ("f16", "q4_K"). Throws std::runtime_error.
ggml_type type_from_name(const std::string & name);

} // namespace paligemma
