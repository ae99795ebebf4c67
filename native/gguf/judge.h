// Judges the two files of a model before ggml sees them: whatever llama.cpp and clip take for granted is made sure of here, for
// they end the process on what they do not expect. Keys and vocabulary first; the tensors then, which follow from them.
#pragma once

#include "gguf/header.h"

namespace paligemma {

struct JudgedKeys {
    GgufHeader header;
    size_t     vocabulary;   // tokens; of the text model
    bool       mask_decoder; // whether there are tensors of one
};

// Both throw Refusal, naming the file, the key, what was expected and what came.
JudgedKeys judge_text(const std::string & path);
JudgedKeys judge_vision(const std::string & path);

struct ExpectedTensor {
    std::string          name;
    std::vector<int64_t> shape;  // ggml's order: the fastest dimension first
    bool                 matrix; // else it is added or multiplied value by value, and is float32
};

struct TypeShare {
    std::string type;
    uint64_t    tensors;
    uint64_t    bytes;
};
struct JudgedTensors {
    uint64_t               file_size;
    std::vector<TypeShare> types; // that with the most bytes first
};

// The file has these tensors and no other, in their shapes and in types that the processor multiplies. Throws Refusal.
JudgedTensors judge_tensors(const std::string & path, const std::vector<ExpectedTensor> & expected);

} // namespace paligemma
