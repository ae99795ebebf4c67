// Which type each tensor of a text model gets, as llama.cpp's quantisation tool decides it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace paligemma {

struct TextShape {
    std::string architecture;
    uint32_t    width, mlp_width, layers, heads, key_value_heads, head_size;
};

struct TensorShape {
    std::string          name;
    std::vector<int64_t> shape; // ggml's order
};

// `file_type`: a llama_ftype. `tensors`: all of the model's, in the order of the file, which counts layers.
// Returns ggml's type names. Throws std::runtime_error for a file type or an architecture that llama.cpp does not know.
std::vector<std::string> tensor_types(const TextShape & text, int file_type, const std::vector<TensorShape> & tensors);

} // namespace paligemma
