// Our products of matrices against sums in double, over shapes and layouts that a model has and some that it has not; and how
// fast they are. Compiled for several instruction sets: see CMakeLists.txt.
//
//   kernels-test                      says "ok" and how many products were compared, or what differs, with exit status 1
//   kernels-test bench [THREADS]      GFLOP/s of each type for the shapes of PaliGemma 3B, and the share of the processor's peak;
//                                     for a single token the share of what it reads
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "bytes.h"
#include "ggml-backend-impl.h"
#include "matmul.h"
#include "peaks.h"
#include "tile_unit.h"

// What the kernels know of ggml's threads.
struct ggml_threadpool {
    int                     threads;
    std::atomic<int>        chunk{0};
    std::mutex              mutex;
    std::condition_variable arrived;
    int                     waiting = 0, round = 0;
};
extern "C" {
void ggml_barrier(ggml_threadpool * pool) {
    std::unique_lock<std::mutex> lock(pool->mutex);
    const int round = pool->round;
    if (++pool->waiting == pool->threads) {
        pool->waiting = 0;
        ++pool->round;
        pool->arrived.notify_all();
    } else {
        pool->arrived.wait(lock, [&] { return pool->round != round; });
    }
}
void ggml_threadpool_chunk_set(ggml_threadpool * pool, int value) { pool->chunk = value; }
int  ggml_threadpool_chunk_add(ggml_threadpool * pool, int value) { return pool->chunk.fetch_add(value); }
}

namespace {

ggml_tensor layout(ggml_type type, std::vector<int64_t> ne, const void * data) {
    ggml_tensor t{};
    t.type = type;
    t.data = const_cast<void *>(data);
    for (int i = 0; i < 4; ++i) t.ne[i] = ne[i];
    t.nb[0] = ggml_type_size(type);
    t.nb[1] = ggml_row_size(type, ne[0]);
    for (int i = 2; i < 4; ++i) t.nb[i] = t.nb[i - 1]*t.ne[i - 1];
    return t;
}

bool run(ggml_tensor & node, int threads) {
    ggml_threadpool   pool;
    std::vector<char> scratch(paligemma_matmul_scratch(&node, threads));
    pool.threads = threads;
    std::atomic<bool>        done{true};
    std::vector<std::thread> all;
    auto                     work = [&](int i) {
        ggml_compute_params params{i, threads, scratch.size(), scratch.data(), &pool, false};
        if (!paligemma_matmul(&params, &node)) done = false;
    };
    for (int i = 1; i < threads; ++i) all.emplace_back(work, i);
    work(0);
    for (auto & thread : all) thread.join();
    return done;
}

struct Case {
    int64_t depth, rows, columns, matrices = 1, heads = 1; // heads: columns are divided among so many that share a matrix
    bool    permuted = false;                              // a column's heads lie beside one another, as an attention's do
};

std::mt19937 random_bits(1);

/** Weights of about one. */
std::vector<float> weights(size_t n) {
    std::vector<float> all(n);
    for (float & x : all) x = (float) ((int) (random_bits() % 2001) - 1000)/1000.0f;
    return all;
}

/**
 * Activations. Where weights are quantised, those that whole numbers of eight bits and bfloat16 hold, 32 at a time, so that nothing
 * is lost where those are multiplied; else with all their bits.
 */
std::vector<float> activations(ggml_type type, size_t n) {
    std::vector<float> all(n);
    if (!ggml_is_quantized(type)) {
        for (float & x : all) x = (float) (random_bits() >> 8)/(1 << 23) - 1;
        return all;
    }
    for (size_t i = 0; i < n; ++i) all[i] = i % 32 == 5 ? -127/128.0f : (float) ((int) (random_bits() % 255) - 127)/128.0f;
    return all;
}

std::vector<char> as(ggml_type type, const std::vector<float> & x, int64_t depth) {
    std::vector<char> bytes(ggml_row_size(type, x.size()));
    if (type == GGML_TYPE_F32) memcpy(bytes.data(), x.data(), bytes.size());
    else ggml_quantize_chunk(type, x.data(), bytes.data(), 0, x.size()/depth, depth, nullptr);
    return bytes;
}

std::vector<float> widened(ggml_type type, const std::vector<char> & bytes, size_t n) {
    std::vector<float> wide(n);
    if (type == GGML_TYPE_F32) memcpy(wide.data(), bytes.data(), bytes.size());
    else ggml_get_type_traits(type)->to_float(bytes.data(), wide.data(), n);
    return wide;
}

/** Whether products with few columns may be left to ggml: of quantised weights, without kernels for them. */
bool may_be_left(ggml_type type, int64_t columns) {
#ifdef PALIGEMMA_QUANT_KERNELS
    return false;
#else
    return columns < 8 && ggml_is_quantized(type);
#endif
}

/** What a product may be off by: tiles round quantised weights to bfloat16. */
double tolerance(ggml_type type) {
#ifdef PALIGEMMA_TILE_UNIT
    if (ggml_is_quantized(type)) return 1.0/512;
    if (type == GGML_TYPE_F16 || type == GGML_TYPE_BF16) return 2e-5;
#endif
    return 1e-5;
}

bool agrees(ggml_type type, const Case & c, int threads) {
    auto       x = activations(type, c.depth*c.columns*c.heads*c.matrices);
    const auto bytes = as(type, weights(c.depth*c.rows*c.matrices), c.depth);
    const auto wide = widened(type, bytes, c.depth*c.rows*c.matrices);
    const int64_t heads = c.heads*c.matrices;
    // Beyond the result, values that must stay.
    const float        untouched = 12345.0f;
    std::vector<float> y(c.rows*c.columns*heads + 64, untouched);
    ggml_tensor        a = layout(type, {c.depth, c.rows, c.matrices, 1}, bytes.data());
    ggml_tensor        b = layout(GGML_TYPE_F32, {c.depth, c.columns, heads, 1}, x.data());
    ggml_tensor        node = layout(GGML_TYPE_F32, {c.rows, c.columns, heads, 1}, y.data());
    if (c.permuted) {
        b.nb[2] = b.nb[1];
        b.nb[1] = heads*b.nb[2];
    }
    node.src[0] = &a;
    node.src[1] = &b;
    if (!run(node, threads)) return may_be_left(type, c.columns*c.heads) || (printf("not computed\n"), false);
    for (int64_t h = 0; h < heads; ++h) {
        for (int64_t j = 0; j < c.columns; ++j) {
            const float * column = x.data() + (h*b.nb[2] + j*b.nb[1])/sizeof(float);
            for (int64_t i = 0; i < c.rows; ++i) {
                double sum = 0, size = 0;
                for (int64_t k = 0; k < c.depth; ++k) {
                    const double product = (double) wide[(h/c.heads*c.rows + i)*c.depth + k]*column[k];
                    sum += product;
                    size += std::abs(product);
                }
                const float got = y[(h*c.columns + j)*c.rows + i];
                if (!(std::abs(got - sum) <= tolerance(type)*size + 1e-30))
                    return printf("%s, head %ld, column %ld, row %ld: %.9g instead of %.9g\n", ggml_type_name(type), (long) h,
                                  (long) j, (long) i, got, sum), false;
            }
        }
    }
    for (size_t i = y.size() - 64; i < y.size(); ++i) {
        if (y[i] != untouched) return printf("wrote beyond the result\n"), false;
    }
    return true;
}

constexpr ggml_type TYPES[] = {GGML_TYPE_F32,  GGML_TYPE_F16,  GGML_TYPE_BF16, GGML_TYPE_Q8_0,
                               GGML_TYPE_Q6_K, GGML_TYPE_Q5_K, GGML_TYPE_Q4_K, GGML_TYPE_Q4_0};

/** A column that holds what is no number gives no numbers, and leaves the others as they are. */
bool unknown_stays_unknown(ggml_type type, int64_t columns) {
    const Case  c{512, 40, columns};
    const float odd[] = {NAN, INFINITY, 1e-41f, 3e38f};
    auto        x = activations(type, c.depth*c.columns);
    const auto  bytes = as(type, weights(c.depth*c.rows), c.depth);
    for (int j = 0; j < 4; ++j) x[j*c.depth + 300] = odd[j];
    for (int k = 288; k < 320; ++k) x[2*c.depth + k] = 1e-41f; // a whole block
    std::vector<float> y(c.rows*c.columns);
    ggml_tensor        a = layout(type, {c.depth, c.rows, 1, 1}, bytes.data());
    ggml_tensor        b = layout(GGML_TYPE_F32, {c.depth, c.columns, 1, 1}, x.data());
    ggml_tensor        node = layout(GGML_TYPE_F32, {c.rows, c.columns, 1, 1}, y.data());
    node.src[0] = &a;
    node.src[1] = &b;
    if (!run(node, 2)) return may_be_left(type, columns);
    for (int64_t j = 0; j < c.columns; ++j) {
        for (int64_t i = 0; i < c.rows; ++i) {
            if (j != 3 && std::isfinite(y[j*c.rows + i]) != (j > 1)) return printf("column %ld: %g\n", (long) j, y[j*c.rows + i]), false;
        }
    }
    return true;
}

int compare() {
    const Case cases[] = {
        {1, 1, 8}, {3, 5, 8}, {16, 32, 12}, {72, 40, 100}, {255, 31, 13}, {256, 33, 12}, {257, 64, 25}, {600, 70, 37},
        {588, 96, 64}, {72, 50, 50, 4, 1}, {72, 50, 50, 3, 1, true}, {256, 40, 20, 1, 8, true}, {40, 20, 9, 2, 3},
        {40, 20, 9, 2, 3, true}, {2048, 50, 267}, {512, 37, 30}, {512, 16, 12}, {160, 20, 9}, {1152, 21, 40}, {256, 9, 11, 3, 2, true}, {1024, 48, 19},
        {1, 1, 1}, {77, 5, 1}, {256, 300, 1}, {2048, 33, 1}, {288, 40, 2}, {512, 17, 3}, {1152, 20, 4}, {160, 7, 5}, {768, 64, 6}, {256, 3, 7},
    };
    int compared = 0;
    for (ggml_type type : TYPES) {
        if (!unknown_stays_unknown(type, 20) || !unknown_stays_unknown(type, 5)) return printf("%s\n", ggml_type_name(type)), 1;
        for (const Case & c : cases) {
            if (c.depth % ggml_blck_size(type) != 0) continue;
            for (int threads : {1, 2, 5}) {
                if (!agrees(type, c, threads)) {
                    printf("depth %ld, rows %ld, columns %ld, matrices %ld, heads %ld%s, %d threads\n", (long) c.depth, (long) c.rows,
                           (long) c.columns, (long) c.matrices, (long) c.heads, c.permuted ? " permuted" : "", threads);
                    return 1;
                }
                ++compared;
            }
        }
    }
    printf("ok %d\n", compared);
    return 0;
}

/** What products of this type can reach. */
double peak_of(ggml_type type, const paligemma_peaks & peaks) {
    if (type == GGML_TYPE_F32) return peaks.float32;
    if (peaks.tiles > 0) return type == GGML_TYPE_F16 ? peaks.tiles/4 : type == GGML_TYPE_BF16 ? peaks.tiles/2 : peaks.tiles;
#ifdef PALIGEMMA_BYTE_KERNELS
    if (paligemma::Bytes::supports(type)) return peaks.bytes;
#endif
    return peaks.float32;
}

int bench(int threads) {
    struct { const char * name; Case c; } shapes[] = {
        {"vision MLP up", {1152, 4304, 256}}, {"vision MLP down", {4304, 1152, 256}}, {"vision attention", {72, 256, 256, 16}},
        {"prefix q", {2048, 2048, 267}}, {"prefix k", {2048, 256, 267}}, {"prefix MLP up", {2048, 16384, 267}},
        {"prefix MLP down", {16384, 2048, 267}}, {"prefix attention", {256, 267, 267, 1, 8, true}}, {"token head", {2048, 65536, 1}},
    };
    paligemma_peaks peaks;
    paligemma_measure_peaks(threads, &peaks);
    printf("peak: %.0f GFLOP/s in float32, %.0f GOP/s in bytes, %.0f GFLOP/s in tiles, %.1f GB/s read\n", peaks.float32/1e9,
           peaks.bytes/1e9, peaks.tiles/1e9, peaks.reading/1e9);
    for (ggml_type type : TYPES) {
        for (auto & [name, c] : shapes) {
            const int64_t heads = c.heads*c.matrices;
            if (c.depth % ggml_blck_size(type) != 0) continue;
            auto bytes = as(type, weights(c.depth*c.rows*c.matrices), c.depth);
            auto x = activations(type, c.depth*c.columns*heads);
            std::vector<float> y(c.rows*c.columns*heads);
            ggml_tensor a = layout(type, {c.depth, c.rows, c.matrices, 1}, bytes.data());
            ggml_tensor b = layout(GGML_TYPE_F32, {c.depth, c.columns, heads, 1}, x.data());
            ggml_tensor node = layout(GGML_TYPE_F32, {c.rows, c.columns, heads, 1}, y.data());
            node.src[0] = &a;
            node.src[1] = &b;
            double best = 1e9;
            for (int i = 0; i < 7; ++i) {
                const auto start = std::chrono::steady_clock::now();
                run(node, threads);
                best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
            }
            const double rate  = 2.0*c.depth*c.rows*c.columns*heads/best;
            const double share = c.columns == 1 ? bytes.size()/best/peaks.reading : rate/peak_of(type, peaks);
            printf("%-5s %-18s %8.3f ms %7.0f GFLOP/s %4.0f %%\n", ggml_type_name(type), name, best*1e3, rate/1e9, 100*share);
        }
    }
    return 0;
}

} // namespace

int main(int argc, char ** argv) {
    if (argc > 1 && strcmp(argv[1], "bench") == 0) return bench(argc > 2 ? atoi(argv[2]) : 2);
    return compare();
}
