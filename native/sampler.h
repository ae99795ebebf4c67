// Logits -> the next token.
#pragma once

#include <cstdint>
#include <vector>

#include "llama-cpp.h"

namespace paligemma {

struct Sampling {
    float    temperature = 0.0f; // 0: greedy
    int      top_k       = 0;    // 0: all
    float    top_p       = 1.0f;
    uint32_t seed        = 0;
};

class Sampler {
public:
    explicit Sampler(const Sampling & sampling);

    llama_token next(const float * logits, int vocabulary);

private:
    llama_sampler_ptr             chain_; // null: greedy
    std::vector<llama_token_data> candidates_;
};

} // namespace paligemma
