// Our products of matrices against sums in double, over shapes and layouts that a model has and some that it has not; and how
// fast they are. Compiled for several instruction sets: see CMakeLists.txt.
//
//   kernels-test                      says "ok" and how many products were compared, or what differs, with exit status 1
//   kernels-test bench [THREADS]      GFLOP/s of each type for the shapes of PaliGemma 3B
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

#include "matmul.h"

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

ggml_tensor layout(ggml_type type, std::vector<int64_t> ne, void * data) {
    ggml_tensor t{};
    t.type = type;
    t.data = data;
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

/** Values that 16 bits hold, so that the sums in double know what was multiplied. */
std::vector<float> values(size_t n) {
    std::vector<float> all(n);
    for (float & x : all) x = ggml_bf16_to_fp32(ggml_fp32_to_bf16((float) ((int) (random_bits() % 2001) - 1000)/1000.0f));
    return all;
}

std::vector<char> as(ggml_type type, const std::vector<float> & x) {
    std::vector<char> bytes(x.size()*ggml_type_size(type));
    switch (type) {
        case GGML_TYPE_F16: ggml_fp32_to_fp16_row(x.data(), (ggml_fp16_t *) bytes.data(), x.size()); break;
        case GGML_TYPE_BF16: ggml_fp32_to_bf16_row_ref(x.data(), (ggml_bf16_t *) bytes.data(), x.size()); break;
        default: memcpy(bytes.data(), x.data(), bytes.size());
    }
    return bytes;
}

bool agrees(ggml_type type, const Case & c, int threads) {
    const auto w = values(c.depth*c.rows*c.matrices), x = values(c.depth*c.columns*c.heads*c.matrices);
    auto       bytes = as(type, w), activations = as(GGML_TYPE_F32, x);
    std::vector<float> wide(w.size());
    if (type == GGML_TYPE_F16) ggml_fp16_to_fp32_row((ggml_fp16_t *) bytes.data(), wide.data(), w.size());
    else wide = w;
    const int64_t heads = c.heads*c.matrices;
    // Beyond the result, values that must stay.
    const float        untouched = 12345.0f;
    std::vector<float> y(c.rows*c.columns*heads + 64, untouched);
    ggml_tensor        a = layout(type, {c.depth, c.rows, c.matrices, 1}, bytes.data());
    ggml_tensor        b = layout(GGML_TYPE_F32, {c.depth, c.columns, heads, 1}, activations.data());
    ggml_tensor        node = layout(GGML_TYPE_F32, {c.rows, c.columns, heads, 1}, y.data());
    if (c.permuted) {
        b.nb[2] = b.nb[1];
        b.nb[1] = heads*b.nb[2];
    }
    node.src[0] = &a;
    node.src[1] = &b;
    if (!run(node, threads)) return printf("not computed\n"), false;
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
                if (!(std::abs(got - sum) <= 4e-6*size + 1e-30))
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

constexpr ggml_type TYPES[] = {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16};

int compare() {
    const Case cases[] = {
        {1, 1, 8}, {3, 5, 8}, {16, 32, 12}, {72, 40, 100}, {255, 31, 13}, {256, 33, 12}, {257, 64, 25}, {600, 70, 37},
        {588, 96, 64}, {72, 50, 50, 4, 1}, {72, 50, 50, 3, 1, true}, {256, 40, 20, 1, 8, true}, {40, 20, 9, 2, 3},
        {40, 20, 9, 2, 3, true}, {2048, 50, 267},
    };
    int compared = 0;
    for (ggml_type type : TYPES) {
        for (const Case & c : cases) {
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

int bench(int threads) {
    struct { const char * name; Case c; } shapes[] = {
        {"vision MLP up", {1152, 4304, 256}}, {"vision MLP down", {4304, 1152, 256}}, {"vision attention", {72, 256, 256, 16}},
        {"prefix q", {2048, 2048, 267}}, {"prefix k", {2048, 256, 267}}, {"prefix MLP up", {2048, 16384, 267}},
        {"prefix MLP down", {16384, 2048, 267}}, {"prefix attention", {256, 267, 267, 1, 8, true}},
    };
    for (ggml_type type : TYPES) {
        for (auto & [name, c] : shapes) {
            const int64_t heads = c.heads*c.matrices;
            auto bytes = as(type, values(c.depth*c.rows*c.matrices)), activations = as(GGML_TYPE_F32, values(c.depth*c.columns*heads));
            std::vector<float> y(c.rows*c.columns*heads);
            ggml_tensor a = layout(type, {c.depth, c.rows, c.matrices, 1}, bytes.data());
            ggml_tensor b = layout(GGML_TYPE_F32, {c.depth, c.columns, heads, 1}, activations.data());
            ggml_tensor node = layout(GGML_TYPE_F32, {c.rows, c.columns, heads, 1}, y.data());
            node.src[0] = &a;
            node.src[1] = &b;
            double best = 1e9;
            for (int i = 0; i < 7; ++i) {
                const auto start = std::chrono::steady_clock::now();
                run(node, threads);
                best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
            }
            printf("%-5s %-18s %8.3f ms %7.0f GFLOP/s\n", ggml_type_name(type), name, best*1e3,
                   2e-9*c.depth*c.rows*c.columns*heads/best);
        }
    }
    return 0;
}

} // namespace

int main(int argc, char ** argv) {
    if (argc > 1 && strcmp(argv[1], "bench") == 0) return bench(argc > 2 ? atoi(argv[2]) : 2);
    return compare();
}
