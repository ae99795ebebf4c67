// How weights lie in memory.
#pragma once

#include <cstring>

#include "ggml-backend.h"
#include "ggml.h"

namespace paligemma {

struct Weights {
    ggml_type type;
    bool      eights = false; // ggml rearranged them, eight rows at a time
    bool      known  = true;  // false: in a way of ggml's that only it can read

    explicit Weights(const ggml_tensor * tensor) : type(tensor->type) {
        if (!tensor->extra) return;
        const char * buffer = tensor->buffer ? ggml_backend_buft_name(ggml_backend_buffer_get_type(tensor->buffer)) : "";
#if defined(__AVX2__)
        eights = strcmp(buffer, "CPU_REPACK") == 0 && (type == GGML_TYPE_Q4_0 || type == GGML_TYPE_Q4_K);
#else
        (void) buffer;
#endif
        known = eights;
    }

    operator ggml_type() const { return type; }
};

} // namespace paligemma
