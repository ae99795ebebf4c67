#include "compiler.h"
#include "peaks.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "block_sums.h"
#include "tile_unit.h"

namespace paligemma {
namespace {

constexpr int ROUNDS = 20; // of which the fastest counts: others have the processor, too

using Clock = std::chrono::steady_clock;

/** The best rate of a thread's `work`, which returns how much it did and something that depends on all of it, on all threads. */
template <class Work> double best_rate(int threads, Work && work) {
    double          best = 0;
    volatile double sink = 0;
    for (int round = 0; round < ROUNDS; ++round) {
        std::vector<double>      done(threads), results(threads);
        std::vector<std::thread> all;
        const auto               start = Clock::now();
        auto                     one   = [&](int i) { done[i] = work(i, results[i]); };
        for (int i = 1; i < threads; ++i) all.emplace_back(one, i);
        one(0);
        for (auto & thread : all) thread.join();
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        double       total   = 0;
        for (int i = 0; i < threads; ++i) {
            total += done[i];
            sink = sink + results[i];
        }
        best = std::max(best, total/seconds);
    }
    return best;
}

constexpr int CHAINS = 12; // sums that do not wait for one another

double floats(int threads) {
    constexpr int TIMES = 500'000;
    return best_rate(threads, [](int, double & result) {
        Vector       sums[CHAINS];
        const Vector x = broadcast(0.999f), y = broadcast(1e-3f);
        for (Vector & s : sums) s = zero();
        for (int i = 0; i < TIMES; ++i) {
            for (Vector & s : sums) s = multiply_add(s, x, y);
        }
        for (Vector s : sums) result += sum(s);
        return 2.0*TIMES*CHAINS*LANES;
    });
}

double bytes(int threads) {
#ifdef PALIGEMMA_BYTE_KERNELS
    constexpr int TIMES = 500'000;
    return best_rate(threads, [](int i, double & result) {
        alignas(64) uint8_t values[4*LANES];
        for (uint8_t & value : values) value = (uint8_t) (i + 1); // not known to the compiler
        Dots       sums[CHAINS];
        const Dots w = load_bytes(values), x = load_bytes(values);
        for (Dots & s : sums) s = no_dots();
#pragma GCC unroll 8 // or compilers move all sums to and fro in each turn
        for (int t = 0; t < TIMES; ++t) {
            for (Dots & s : sums) s = add_dots(w, x, s);
        }
        for (Dots s : sums) result += sum(to_floats(s));
        return 2.0*TIMES*CHAINS*PRODUCTS;
    });
#else
    (void) threads;
    return 0;
#endif
}

double tiles(int threads) {
#if defined(PALIGEMMA_TILE_UNIT) && !defined(PALIGEMMA_TILE_TWIN)
    if (!tile_unit_is_ours()) return 0;
    constexpr int TIMES = 50'000;
    return best_rate(threads, [](int, double & result) {
        alignas(64) float sums[256];
        begin_tiles();
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
        TILE_ZERO(4);
        TILE_ZERO(5);
        TILE_ZERO(6);
        TILE_ZERO(7);
        for (int i = 0; i < TIMES; ++i) {
            TILE_MULTIPLY(0, 4, 6);
            TILE_MULTIPLY(1, 4, 7);
            TILE_MULTIPLY(2, 5, 6);
            TILE_MULTIPLY(3, 5, 7);
        }
        TILE_STORE(0, sums);
        end_tiles();
        result = sums[0];
        return 2.0*TIMES*4*16*16*32;
    });
#else
    (void) threads;
    return 0;
#endif
}

double reading(int threads) {
    constexpr size_t   SIZE = size_t(256) << 20; // more than caches hold
    std::vector<float> memory(SIZE/sizeof(float), 1.0f);
    return best_rate(threads, [&](int i, double & result) {
        const size_t  part = memory.size()/threads/(8*LANES)*(8*LANES);
        const float * x    = memory.data() + i*part;
        Vector        sums[8];
        for (Vector & s : sums) s = zero();
        for (size_t k = 0; k < part; k += 8*LANES) {
            for (int j = 0; j < 8; ++j) sums[j] = add(sums[j], load(x + k + j*LANES));
        }
        for (Vector s : sums) result += sum(s);
        return (double) part*sizeof(float);
    });
}

} // namespace
} // namespace paligemma

void paligemma_measure_peaks(int threads, paligemma_peaks * peaks) {
    peaks->float32 = paligemma::floats(threads);
    peaks->bytes   = paligemma::bytes(threads);
    peaks->tiles   = paligemma::tiles(threads);
    peaks->reading = paligemma::reading(threads);
}
