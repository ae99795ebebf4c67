/** Products with fewer columns than `matmul.cpp` takes: those of single tokens. */
#pragma once

#include "ggml-cpu-impl.h"
#include "product.h"

namespace paligemma {

/** Whether these are computed here. */
bool gemv_takes(const Product & product);
/** Bytes of scratch that they need. */
size_t gemv_scratch(const Product & product);
/** Every thread calls it. */
void gemv(const Product & product, const ggml_compute_params * params);

} // namespace paligemma
