// Products of many rows: how a prefix and a picture are computed.
//
// Weights lie as they are in the file. A tile of their rows is laid out in the first-level cache, DEPTH values deep, in a form
// that is quick to multiply (Floats, Bytes, Tiles), and multiplied with the activations, which are laid out once. A job is a panel of
// rows times some of the columns, so that the activations of one depth stay in the second-level cache while the panel's tiles
// go by. Sums of DEPTH products are added up in float32: over a whole row that is more exact than one running sum.
#include "compiler.h"
#include "matmul.h"

#include <cstdint>
#include <utility>

#include "bytes.h"
#include "floats.h"
#include "gemv.h"
#include "product.h"
#include "tiles.h"

namespace paligemma {
namespace {

constexpr int     PANEL         = 256;       // rows that are multiplied with all tiles of columns before the next ones
constexpr int64_t FEWEST        = 8;         // columns; with fewer, reading the weights is what takes the time
constexpr int64_t PACKED_SHARED = 24 << 20;  // bytes of packed activations at most, for all threads
constexpr int64_t PACKED_OWN    = 1 << 20;   // the same where each thread packs for itself

/** Whether there are that many columns, so that laying out weights takes less time than multiplying them. */
bool takes(const Product & p) {
    if (!p.plain() || p.columns < FEWEST) return false;
    switch (p.weights->type) {
        case GGML_TYPE_F32:
        case GGML_TYPE_F16:
        case GGML_TYPE_BF16:
        case GGML_TYPE_Q8_0:
        case GGML_TYPE_Q6_K:
        case GGML_TYPE_Q5_K:
        case GGML_TYPE_Q4_K:
        case GGML_TYPE_Q4_0: return true;
        default:             return false;
    }
}

/** How a product is divided. The same on every thread. */
template <class Form> struct Plan {
    bool    own;    // whole matrices to each thread, which lays out columns for itself; else all threads share them
    int64_t chunk;  // columns that are laid out at a time, whole tiles
    int64_t column_bytes; // of the chunk
    static constexpr int64_t SUMS = Form::ROWS*Form::COLUMNS; // of a tile
    static constexpr int64_t ROW_BYTES = divide_up(Form::row_bytes(Form::DEPTH), 64)*64;
    /**
     * Of each thread: a tile of rows, and the sums of a panel. They wait there for the next depth: in the result, whose columns are
     * often a multiple of 4096 bytes apart, they would drive each other out of the caches.
     */
    static constexpr int64_t THREAD_BYTES = ROW_BYTES + divide_up(PANEL, Form::ROWS)*Form::WIDTH*SUMS*sizeof(float);

    Plan(const Product & p, int threads) : own(p.matrices >= threads && p.matrices > 1) {
        const int64_t tile = Form::column_bytes(p.depth);
        const int64_t most = std::max<int64_t>((own ? PACKED_OWN : PACKED_SHARED)/tile, 8);
        const int64_t tiles = divide_up(p.columns, Form::COLUMNS);
        chunk = divide_up(tiles, divide_up(tiles, most))*Form::COLUMNS; // of equal size, so that none is a small rest
        column_bytes = divide_up(chunk/Form::COLUMNS*tile, 64)*64;
    }
    int64_t scratch(int threads) const {
        return own ? threads*(column_bytes + THREAD_BYTES) : column_bytes + threads*THREAD_BYTES;
    }
};

template <class Form> using Multiply = void (*)(ggml_type, int, const char *, const char *, const float *, float * const *);

/** A tile's sums of `depth` products, added to those of `before` if there are any. `out` has COUNT columns of ROWS values. */
template <class Form, int COUNT>
void multiply(ggml_type type, int depth, const char * rows, const char * columns, const float * before, float * const * out) {
    Vector sums[COUNT][Form::VECTORS];
    for (auto & column : sums) {
        for (Vector & part : column) part = zero();
    }
    Form::multiply(type, depth, rows, columns, sums);
    for (int j = 0; j < COUNT; ++j) {
        for (int v = 0; v < Form::VECTORS; ++v) {
            const int at = v*LANES;
            store(out[j] + at, before ? add(load(before + j*Form::ROWS + at), sums[j][v]) : sums[j][v]);
        }
    }
}

template <class Form, int... I> Multiply<Form> by_count(int count, std::integer_sequence<int, I...>) {
    static constexpr Multiply<Form> all[] = {multiply<Form, I + 1>...};
    return all[count - 1];
}

/** The activations of a chunk, laid out: for each DEPTH values, all tiles of columns one after another. */
template <class Form> struct Packed {
    char *  data;
    int64_t depth, tiles;

    /** A tile's values from k on, where k is a multiple of DEPTH. */
    char * tile(int64_t t, int64_t k) const {
        return data + tiles*Form::column_bytes(k) + t*Form::column_bytes(std::min<int64_t>(Form::DEPTH, depth - k));
    }
};

template <class Form> class Multiplication {
public:
    Multiplication(const Product & product, const ggml_compute_params * params)
        : p(product), plan(product, params->nth), params(params) {}

    bool fits() const { return (size_t) plan.scratch(params->nth) <= params->wsize; }
    void compute() const {
        Form::begin();
        plan.own ? each_alone() : all_together();
        Form::end();
    }

private:
    static constexpr int ROWS = Form::ROWS, COLUMNS = Form::COLUMNS, DEPTH = Form::DEPTH;
    const Product &             p;
    const Plan<Form>            plan;
    const ggml_compute_params * params;

    /** Each thread takes whole matrices, such as those of an attention's heads, and waits for nobody. */
    void each_alone() const {
        char * columns = (char *) params->wdata + params->ith*(plan.column_bytes + plan.THREAD_BYTES);
        for (int64_t m = params->ith; m < p.matrices; m += params->nth) {
            for (int64_t first = 0; first < p.columns; first += plan.chunk) {
                const Packed<Form> packed = chunk(columns, first);
                for (int64_t t = 0; t < packed.tiles; ++t) pack_tile(m, first, t, packed);
                panel(m, 0, p.rows, packed, first, 0, packed.tiles, columns + plan.column_bytes);
            }
        }
    }

    /** All threads take jobs of one matrix after another. */
    void all_together() const {
        char * columns = (char *) params->wdata, * rows = columns + plan.column_bytes + params->ith*plan.THREAD_BYTES;
        // Smaller jobs where there are few, so that no thread waits long for the last one.
        const int64_t wanted = params->nth > 1 ? 4*params->nth : 1;
        const int64_t height = std::min<int64_t>(PANEL, divide_up(divide_up(p.rows, wanted), ROWS)*ROWS);
        const int64_t panels = divide_up(p.rows, height);
        for (int64_t m = 0; m < p.matrices; ++m) {
            for (int64_t first = 0; first < p.columns; first += plan.chunk) {
                const Packed<Form> packed = chunk(columns, first);
                if (m > 0 || first > 0) ggml_barrier(params->threadpool); // others may still read what was there before
                if (params->ith == 0) ggml_threadpool_chunk_set(params->threadpool, params->nth);
                for (int64_t t = params->ith; t < packed.tiles; t += params->nth) pack_tile(m, first, t, packed);
                ggml_barrier(params->threadpool);

                const int64_t pieces = std::min(packed.tiles, divide_up(wanted, panels)), width = divide_up(packed.tiles, pieces);
                for (int64_t job = params->ith; job < panels*pieces; job = ggml_threadpool_chunk_add(params->threadpool, 1)) {
                    const int64_t row = job / pieces*height, t = job % pieces*width;
                    panel(m, row, std::min(row + height, p.rows), packed, first, t, std::min(t + width, packed.tiles), rows);
                }
            }
        }
    }

    Packed<Form> chunk(char * columns, int64_t first) const {
        return {columns, p.depth, divide_up(std::min(plan.chunk, p.columns - first), COLUMNS)};
    }

    void pack_tile(int64_t m, int64_t first, int64_t t, const Packed<Form> & packed) const {
        const int count = (int) std::min<int64_t>(COLUMNS, p.columns - first - t*COLUMNS);
        float *   columns[COLUMNS];
        for (int64_t k = 0; k < p.depth; k += DEPTH) {
            p.find_columns(p.activations, m, first + t*COLUMNS, count, k, columns);
            const int depth = (int) std::min<int64_t>(DEPTH, p.depth - k);
            Form::pack_columns(p.weights->type, columns, count, depth, packed.tile(t, k));
        }
    }

    /** A job: rows [row, row_end) of matrix m times tiles [t, t_end) of the chunk that begins with column `first`. */
    void panel(int64_t m, int64_t row, int64_t row_end, const Packed<Form> & packed, int64_t first, int64_t t, int64_t t_end,
               char * own) const {
        for (int64_t from = t; from < t_end; from += Form::WIDTH) {
            for (int64_t r = row; r < row_end; r += PANEL)
                part_of_panel(m, r, std::min(r + PANEL, row_end), packed, first, from, std::min(from + Form::WIDTH, t_end), own);
        }
    }

    void part_of_panel(int64_t m, int64_t row, int64_t row_end, const Packed<Form> & packed, int64_t first, int64_t t_begin,
                       int64_t t_end, char * packed_rows) const {
        const char *    matrix = p.matrix(m);
        const size_t    stride = p.weights->nb[1];
        const ggml_type type   = p.weights->type;
        for (int64_t k = 0; k < p.depth; k += DEPTH) {
            const int depth = (int) std::min<int64_t>(DEPTH, p.depth - k);
            float *   sums  = (float *) (packed_rows + plan.ROW_BYTES);
            for (int64_t r = row; r < row_end; r += ROWS) {
                const int rows = (int) std::min<int64_t>(ROWS, row_end - r);
                Form::pack_rows(type, matrix + r*stride, stride, rows, k, depth, packed_rows);
                for (int64_t t = t_begin; t < t_end; ++t, sums += plan.SUMS) {
                    const int64_t c = first + t*COLUMNS;
                    const int     columns = (int) std::min<int64_t>(COLUMNS, p.columns - c);
                    const bool    last = k + depth == p.depth;
                    float *       out[COLUMNS];
                    if (last) p.find_columns(p.result, m, c, columns, r, out);
                    if constexpr (Form::BY_UNIT) {
                        Form::multiply(depth, packed_rows, packed.tile(t, k), rows, columns, sums, k > 0);
                        if (last) Form::store_sums(sums, rows, columns, out);
                    } else {
                        tile(type, depth, packed_rows, packed.tile(t, k), k > 0 ? sums : nullptr, sums, last ? out : nullptr, rows, columns);
                    }
                }
            }
        }
    }

    /** One tile: into `sums`, or the last time into the result, where its last rows may be missing. */
    static void tile(ggml_type type, int depth, const char * packed_rows, const char * packed_columns, const float * before,
                     float * sums, float * const * result, int rows, int columns) {
        const Multiply<Form> run = by_count<Form>(columns, std::make_integer_sequence<int, COLUMNS>());
        if (result && rows == ROWS) return run(type, depth, packed_rows, packed_columns, before, result);
        float * aside[COLUMNS];
        for (int j = 0; j < columns; ++j) aside[j] = sums + j*ROWS;
        run(type, depth, packed_rows, packed_columns, before, aside);
        for (int j = 0; result && j < columns; ++j) std::copy(aside[j], aside[j] + rows, result[j]);
    }
};

/** Calls `use` with the form that multiplies this type fastest. */
template <class Use> auto with_form(ggml_type type, Use && use) {
#ifdef PALIGEMMA_TILE_UNIT
    if (tile_unit_is_ours()) {
        if (type == GGML_TYPE_F16) return use(Tiles<2, 2>());
        if (type == GGML_TYPE_BF16) return use(Tiles<1, 2>());
        if (type != GGML_TYPE_F32) return use(Tiles<1, 1>());
    }
#endif
#ifdef PALIGEMMA_BYTE_KERNELS
    if (Bytes::supports(type)) return use(Bytes());
#endif
    return use(Floats());
}

} // namespace
} // namespace paligemma

using namespace paligemma;

size_t paligemma_matmul_scratch(const ggml_tensor * node, int threads) {
    const Product product(node);
    if (gemv_takes(product)) return gemv_scratch(product);
    if (!takes(product)) return 0;
    return with_form(product.weights->type, [&](auto form) {
        return (size_t) Plan<decltype(form)>(product, threads).scratch(threads);
    });
}

bool paligemma_matmul(const ggml_compute_params * params, ggml_tensor * node) {
    if (params->use_ref) return false;
    const Product product(node);
    if (gemv_takes(product)) {
        if (gemv_scratch(product) > params->wsize) return false;
        gemv(product, params);
        return true;
    }
    if (!takes(product)) return false;
    return with_form(product.weights->type, [&](auto form) {
        const Multiplication<decltype(form)> multiplication(product, params);
        if (!multiplication.fits()) return false; // planned for fewer threads
        multiplication.compute();
        return true;
    });
}
