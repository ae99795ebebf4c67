#include "compiler.h"
#include "gemv.h"

#include <utility>

#include "rows.h"

namespace paligemma {
namespace {

/** Calls `use` with the rows of this type; returns false where there are none. */
template <class Use> bool with_rows(ggml_type type, Use && use) {
    switch (type) {
        case GGML_TYPE_F32:  return use(FloatRows<float>()), true;
        case GGML_TYPE_F16:  return use(FloatRows<ggml_fp16_t>()), true;
        case GGML_TYPE_BF16: return use(FloatRows<ggml_bf16_t>()), true;
#ifdef PALIGEMMA_QUANT_KERNELS
        case GGML_TYPE_Q8_0: return use(QuantRows<GGML_TYPE_Q8_0>()), true;
        case GGML_TYPE_Q6_K: return use(QuantRows<GGML_TYPE_Q6_K>()), true;
        case GGML_TYPE_Q5_K: return use(QuantRows<GGML_TYPE_Q5_K>()), true;
        case GGML_TYPE_Q4_K: return use(QuantRows<GGML_TYPE_Q4_K>()), true;
        case GGML_TYPE_Q4_0: return use(QuantRows<GGML_TYPE_Q4_0>()), true;
#endif
        default: return false;
    }
}

/** Rows [first, end) times all columns. */
template <class Rows, int COUNT, class Column>
void multiply_rows(const Product & p, int64_t first, int64_t end, const Column * const * columns) {
    const size_t stride = p.weights->nb[1];
    const char * row    = p.matrix(0) + first*stride;
    float *      out[COUNT];
    p.find_columns(p.result, 0, 0, COUNT, 0, out);
    for (int64_t r = first; r < end; ++r, row += stride) {
        float sums[COUNT];
        Rows::template multiply<COUNT>(row, p.depth, columns, sums);
        for (int j = 0; j < COUNT; ++j) out[j][r] = sums[j];
    }
}

template <class Rows, class Column, int... I>
auto by_count(int count, std::integer_sequence<int, I...>) {
    static constexpr void (*all[])(const Product &, int64_t, int64_t, const Column * const *) = {multiply_rows<Rows, I + 1, Column>...};
    return all[count - 1];
}

/** Hands out rows to the threads. */
template <class Rows, class Column>
void share(const Product & p, const ggml_compute_params * params, const Column * const * columns) {
    const auto    run = by_count<Rows, Column>((int) p.columns, std::make_integer_sequence<int, MOST_COLUMNS>());
    const int64_t height = std::max<int64_t>(divide_up(p.rows, 8*params->nth), std::min<int64_t>(16, divide_up(p.rows, params->nth)));
    if (params->nth == 1) return run(p, 0, p.rows, columns);
    for (int64_t row = params->ith*height; row < p.rows; row = ggml_threadpool_chunk_add(params->threadpool, 1)*height)
        run(p, row, std::min(row + height, p.rows), columns);
}

} // namespace

bool gemv_takes(const Product & p) {
    return p.plain() && p.columns <= MOST_COLUMNS && p.matrices == 1 && p.activations->ne[2] == 1 && p.activations->ne[3] == 1 &&
        with_rows(p.weights->type, [](auto) {});
}

size_t gemv_scratch(const Product & p) {
    size_t bytes = 0;
    with_rows(p.weights->type, [&](auto rows) {
        if constexpr (decltype(rows)::PACKED) bytes = p.columns*divide_up(p.depth, rows.VALUES)*sizeof(typename decltype(rows)::Column);
    });
    return bytes;
}

void gemv(const Product & p, const ggml_compute_params * params) {
    if (params->ith == 0) ggml_threadpool_chunk_set(params->threadpool, params->nth);
    float * found[MOST_COLUMNS];
    p.find_columns(p.activations, 0, 0, (int) p.columns, 0, found);
    with_rows(p.weights->type, [&](auto rows) {
        using Rows = decltype(rows);
        if constexpr (Rows::PACKED) {
            using Column = typename Rows::Column;
            const int64_t  chunks = divide_up(p.depth, Rows::VALUES);
            Column *       packed = (Column *) params->wdata;
            const Column * columns[MOST_COLUMNS];
            for (int j = 0; j < p.columns; ++j) columns[j] = packed + j*chunks;
            for (int64_t i = params->ith; i < p.columns*chunks; i += params->nth) {
                const int64_t at = i % chunks*Rows::VALUES;
                rows.pack(found[i/chunks] + at, (int) std::min<int64_t>(Rows::VALUES, p.depth - at), packed[i]);
            }
            ggml_barrier(params->threadpool);
            share<Rows>(p, params, columns);
        } else {
            ggml_barrier(params->threadpool); // or a thread takes a part before the first one is set
            share<Rows>(p, params, (const float * const *) found);
        }
    });
}

} // namespace paligemma
