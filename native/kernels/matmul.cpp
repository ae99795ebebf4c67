// Products of many rows: how a prefix and a picture are computed.
//
// Weights lie as they are in the file. A tile of their rows is widened into the first-level cache, DEPTH values deep, and
// multiplied with the activations, which are packed once. A job is a panel of rows times some of the columns, so that the
// packed activations of one depth stay in the second-level cache while the panel's tiles go by. Sums of DEPTH products are
// added up in float32: over a whole row that is more exact than one running sum.
#include "matmul.h"

#include <cstdint>
#include <utility>

#include "pack.h"

namespace paligemma {
namespace {

constexpr int     DEPTH         = 256;
constexpr int     PANEL         = 4*ROWS;    // rows of a job at most
constexpr int64_t FEWEST        = 8;         // columns; with fewer, reading the weights is what takes the time
constexpr int64_t PACKED_SHARED = 24 << 20;  // bytes of packed activations at most, for all threads
constexpr int64_t PACKED_OWN    = 1 << 20;   // the same where each thread packs for itself

constexpr int64_t divide_up(int64_t n, int64_t by) { return (n + by - 1)/by; }

/** A `ggml_mul_mat` as products of a matrix of weights with all columns that meet it: of several heads or pictures too. */
struct Product {
    const ggml_tensor *weights, *activations, *result;
    int64_t rows, depth, matrices, columns; // columns of one matrix

    explicit Product(const ggml_tensor * node)
        : weights(node->src[0]), activations(node->src[1]), result(node), rows(weights->ne[1]), depth(weights->ne[0]),
          matrices(weights->ne[2]*weights->ne[3]), columns(ggml_nrows(activations)/std::max<int64_t>(matrices, 1)) {}

    const char * matrix(int64_t m) const {
        return (const char *) weights->data + m % weights->ne[2]*weights->nb[2] + m / weights->ne[2]*weights->nb[3];
    }
    /** Where columns c, c + 1, ... of matrix m are in the activations or the result, from their value k on. */
    void find_columns(const ggml_tensor * t, int64_t m, int64_t c, int count, int64_t k, float ** found) const {
        const int64_t heads = t->ne[2]/weights->ne[2], images = t->ne[3]/weights->ne[3]; // that share a matrix
        int64_t i1 = c % t->ne[1], head = c/t->ne[1] % heads, image = c/(t->ne[1]*heads);
        for (int j = 0; j < count; ++j) {
            const int64_t i2 = m % weights->ne[2]*heads + head, i3 = m / weights->ne[2]*images + image;
            char *        first = (char *) t->data + i1*t->nb[1] + i2*t->nb[2] + i3*t->nb[3];
            for (; j < count && i1 < t->ne[1]; ++j, ++i1, first += t->nb[1]) found[j] = (float *) first + k;
            --j;
            i1 = 0;
            if (++head == heads) {
                head = 0;
                ++image;
            }
        }
    }

    bool ours() const {
        const bool widened = weights->type == GGML_TYPE_F32 || weights->type == GGML_TYPE_F16 || weights->type == GGML_TYPE_BF16;
        return widened && activations->type == GGML_TYPE_F32 && columns >= FEWEST && rows > 0 && depth > 0;
    }
};

/** How a product is divided. The same on every thread. */
struct Plan {
    bool    own;    // whole matrices to each thread, which packs for itself; else all threads share one
    int64_t chunk;  // columns that are packed at a time, whole tiles
    int64_t scratch_packed; // bytes of the packed activations, of one thread or of all
    static constexpr int64_t TILE_BYTES = DEPTH*ROWS*sizeof(float);

    Plan(const Product & p, int threads) : own(p.matrices >= threads && p.matrices > 1) {
        const int64_t column = p.depth*sizeof(float);
        const int64_t most = std::max<int64_t>((own ? PACKED_OWN : PACKED_SHARED)/column, 8*COLUMNS);
        const int64_t pieces = divide_up(p.columns, most); // of equal size, so that none is a small rest
        chunk = divide_up(divide_up(p.columns, pieces), COLUMNS)*COLUMNS;
        scratch_packed = divide_up(chunk*column, 64)*64;
    }
    int64_t scratch(int threads) const {
        return own ? threads*(scratch_packed + TILE_BYTES) : scratch_packed + threads*TILE_BYTES;
    }
};

/** A tile's sums of `depth` products: into the result, or onto it. `out` has COUNT columns of ROWS values. */
template <int COUNT> void multiply(int depth, const float * rows, const float * columns, float * const * out, bool onto) {
    Vector sums[COUNT][VECTORS];
    for (int j = 0; j < COUNT; ++j) {
        for (int v = 0; v < VECTORS; ++v) sums[j][v] = zero();
    }
    for (int k = 0; k < depth; ++k, rows += ROWS, columns += COLUMNS) {
        Vector w[VECTORS];
        for (int v = 0; v < VECTORS; ++v) w[v] = load(rows + v*LANES);
        for (int j = 0; j < COUNT; ++j) {
            const Vector x = broadcast(columns[j]);
            for (int v = 0; v < VECTORS; ++v) sums[j][v] = multiply_add(w[v], x, sums[j][v]);
        }
    }
    for (int j = 0; j < COUNT; ++j) {
        for (int v = 0; v < VECTORS; ++v) {
            float * y = out[j] + v*LANES;
            store(y, onto ? add(load(y), sums[j][v]) : sums[j][v]);
        }
    }
}

using Multiply = void (*)(int, const float *, const float *, float * const *, bool);

template <int... I> Multiply by_count(int count, std::integer_sequence<int, I...>) {
    static constexpr Multiply all[] = {multiply<I + 1>...};
    return all[count - 1];
}

/** One tile, whose last rows may be missing in the result. */
void tile(int depth, const float * packed_rows, int rows, const float * packed_columns, int columns, float * const * out, bool onto) {
    const Multiply run = by_count(columns, std::make_integer_sequence<int, COLUMNS>());
    if (rows == ROWS) return run(depth, packed_rows, packed_columns, out, onto);
    float   whole[COLUMNS][ROWS];
    float * aside[COLUMNS];
    for (int j = 0; j < columns; ++j) aside[j] = whole[j];
    run(depth, packed_rows, packed_columns, aside, false);
    for (int j = 0; j < columns; ++j) {
        for (int i = 0; i < rows; ++i) out[j][i] = onto ? out[j][i] + whole[j][i] : whole[j][i];
    }
}

void pack_weights(ggml_type type, const char * rows, size_t stride, int count, int64_t from, int depth, float * out) {
    switch (type) {
        case GGML_TYPE_F32:  return pack_rows<float>(rows + from*sizeof(float), stride, count, depth, out);
        case GGML_TYPE_F16:  return pack_rows<ggml_fp16_t>(rows + from*sizeof(ggml_fp16_t), stride, count, depth, out);
        case GGML_TYPE_BF16: return pack_rows<ggml_bf16_t>(rows + from*sizeof(ggml_bf16_t), stride, count, depth, out);
        default:             GGML_ABORT("not a type that is widened here");
    }
}

/** The activations of a chunk, packed: for each DEPTH values, all tiles of columns one after another. */
struct Packed {
    float * data;
    int64_t depth, tiles;

    /** A tile's values from k on, where k is a multiple of DEPTH. */
    float * tile(int64_t t, int64_t k) const {
        return data + k*tiles*COLUMNS + t*std::min<int64_t>(DEPTH, depth - k)*COLUMNS;
    }
};

void pack_tile(const Product & p, int64_t m, int64_t first, int64_t t, const Packed & packed) {
    const int     count = (int) std::min<int64_t>(COLUMNS, p.columns - first - t*COLUMNS);
    float *       columns[COLUMNS];
    for (int64_t k = 0; k < p.depth; k += DEPTH) {
        p.find_columns(p.activations, m, first + t*COLUMNS, count, k, columns);
        pack_columns(columns, count, (int) std::min<int64_t>(DEPTH, p.depth - k), packed.tile(t, k));
    }
}

/** A job: rows [row, row_end) of matrix m times tiles [t, t_end) of the chunk that begins with column `first`. */
void panel(const Product & p, int64_t m, int64_t row, int64_t row_end, const Packed & packed, int64_t first, int64_t t_begin,
           int64_t t_end, float * widened) {
    const char * matrix = p.matrix(m);
    for (int64_t k = 0; k < p.depth; k += DEPTH) {
        const int depth = (int) std::min<int64_t>(DEPTH, p.depth - k);
        for (int64_t r = row; r < row_end; r += ROWS) {
            const int rows = (int) std::min<int64_t>(ROWS, row_end - r);
            pack_weights(p.weights->type, matrix + r*p.weights->nb[1], p.weights->nb[1], rows, k, depth, widened);
            for (int64_t t = t_begin; t < t_end; ++t) {
                const int64_t c = first + t*COLUMNS;
                const int     columns = (int) std::min<int64_t>(COLUMNS, p.columns - c);
                float *       out[COLUMNS];
                p.find_columns(p.result, m, c, columns, r, out);
                tile(depth, widened, rows, packed.tile(t, k), columns, out, k > 0);
            }
        }
    }
}

/** Each thread takes whole matrices, such as those of an attention's heads, and waits for nobody. */
void each_alone(const Product & p, const Plan & plan, const ggml_compute_params * params) {
    char *  scratch = (char *) params->wdata + params->ith*(plan.scratch_packed + Plan::TILE_BYTES);
    float * widened = (float *) (scratch + plan.scratch_packed);
    for (int64_t m = params->ith; m < p.matrices; m += params->nth) {
        for (int64_t first = 0; first < p.columns; first += plan.chunk) {
            const int64_t tiles = divide_up(std::min(plan.chunk, p.columns - first), COLUMNS);
            const Packed  packed{(float *) scratch, p.depth, tiles};
            for (int64_t t = 0; t < tiles; ++t) pack_tile(p, m, first, t, packed);
            panel(p, m, 0, p.rows, packed, first, 0, tiles, widened);
        }
    }
}

/** All threads take jobs of one matrix after another. */
void all_together(const Product & p, const Plan & plan, const ggml_compute_params * params) {
    float * widened = (float *) ((char *) params->wdata + plan.scratch_packed + params->ith*Plan::TILE_BYTES);
    // Smaller jobs where there are few, so that no thread waits long for the last one.
    const int64_t wanted = params->nth > 1 ? 4*params->nth : 1;
    const int64_t height = std::min<int64_t>(PANEL, divide_up(divide_up(p.rows, wanted), ROWS)*ROWS);
    const int64_t panels = divide_up(p.rows, height);
    for (int64_t m = 0; m < p.matrices; ++m) {
        for (int64_t first = 0; first < p.columns; first += plan.chunk) {
            const int64_t tiles = divide_up(std::min(plan.chunk, p.columns - first), COLUMNS);
            const Packed  packed{(float *) params->wdata, p.depth, tiles};
            if (m > 0 || first > 0) ggml_barrier(params->threadpool); // the others may still read what was packed before
            if (params->ith == 0) ggml_threadpool_chunk_set(params->threadpool, params->nth);
            for (int64_t t = params->ith; t < tiles; t += params->nth) pack_tile(p, m, first, t, packed);
            ggml_barrier(params->threadpool);

            const int64_t pieces = std::min(tiles, divide_up(wanted, panels)), width = divide_up(tiles, pieces);
            for (int64_t job = params->ith; job < panels*pieces; job = ggml_threadpool_chunk_add(params->threadpool, 1)) {
                const int64_t row = job / pieces*height, t = job % pieces*width;
                panel(p, m, row, std::min(row + height, p.rows), packed, first, t, std::min(t + width, tiles), widened);
            }
        }
    }
}

} // namespace
} // namespace paligemma

using namespace paligemma;

size_t paligemma_matmul_scratch(const ggml_tensor * node, int threads) {
    const Product product(node);
    return product.ours() ? (size_t) Plan(product, threads).scratch(threads) + 64 : 0;
}

bool paligemma_matmul(const ggml_compute_params * params, ggml_tensor * node) {
    const Product product(node);
    if (params->use_ref || !product.ours()) return false;
    const Plan plan(product, params->nth);
    if ((size_t) plan.scratch(params->nth) > params->wsize) return false; // planned for fewer threads
    plan.own ? each_alone(product, plan, params) : all_together(product, plan, params);
    return true;
}
