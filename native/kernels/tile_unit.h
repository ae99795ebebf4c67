// The tile unit (AMX): products of 16 rows by 32 values with 32 values by 16 columns, in bfloat16, added up in float32. Its twin
// does the same in plain code, so that what is built on it is tested on processors without one (PALIGEMMA_TILE_TWIN).
//
// Eight registers of 16 rows of 64 bytes. Left operand: a row of the matrix a row, 32 values. Right operand: values 2k and 2k + 1
// of 16 columns a row. Sums: row of the left operand a row, column of the right one a column.
#pragma once

#include <cstdint>
#include <cstring>

// Clang 14 writes the names without a second underscore.
#if !defined(PALIGEMMA_TILE_TWIN) && !defined(PALIGEMMA_PLAIN_KERNELS) && \
    ((defined(__AMX_TILE__) && defined(__AMX_BF16__)) || (defined(__AMXTILE__) && defined(__AMXBF16__)))

#define PALIGEMMA_TILE_UNIT
#include <immintrin.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

// Macros, as GCC makes the register's name out of the text of the argument.
#define TILE_ZERO(tile) _tile_zero(tile)
#define TILE_LOAD(tile, from) _tile_loadd(tile, from, 64)
#define TILE_STORE(tile, to) _tile_stored(tile, to, 64)
#define TILE_MULTIPLY(sums, left, right) _tile_dpbf16ps(sums, left, right)

namespace paligemma {

/** Whether this process may use the unit. Asked once; Linux gives it to all threads then. */
inline bool tile_unit_is_ours() {
#if defined(__linux__)
    constexpr long REQUEST = 0x1023, TILE_DATA = 18; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    static const bool ours = syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
    return ours;
#elif defined(_WIN32)
    return true;
#else
    return false;
#endif
}

/** What the compiler may not move stores across: it does not know that tiles are loaded from memory. */
inline void tile_fence() {
#if defined(__GNUC__)
    __asm__ volatile("" ::: "memory");
#endif
}

/** How the tiles lie: in Intel's layout. */
struct alignas(64) TileLayout {
    uint8_t  palette = 1, start = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t  rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

/** Before a thread uses tiles. */
inline void begin_tiles() {
    // No variable: GCC before 13.3 takes the instruction to read 8 bytes (its bug 114098) and would not store the other 56.
    static const TileLayout layout;
    _tile_loadconfig(&layout);
}
inline void end_tiles() { _tile_release(); }

} // namespace paligemma

#elif defined(PALIGEMMA_TILE_TWIN)

#define PALIGEMMA_TILE_UNIT
#define TILE_ZERO(tile) memset(tile_twin::registers[tile], 0, sizeof(tile_twin::registers[tile]))
#define TILE_LOAD(tile, from) memcpy(tile_twin::registers[tile], from, sizeof(tile_twin::registers[tile]))
#define TILE_STORE(tile, to) memcpy(to, tile_twin::registers[tile], sizeof(tile_twin::registers[tile]))
#define TILE_MULTIPLY(sums, left, right) tile_twin::multiply(sums, left, right)

namespace paligemma {

namespace tile_twin {

inline thread_local uint32_t registers[8][16][16];

inline float bits_to_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

inline void multiply(int sums, int left, int right) {
    for (int i = 0; i < 16; ++i) {
        for (int k = 0; k < 16; ++k) {
            const float even = bits_to_float(registers[left][i][k] << 16), odd = bits_to_float(registers[left][i][k] & 0xffff0000);
            for (int j = 0; j < 16; ++j) {
                float sum = bits_to_float(registers[sums][i][j]);
                sum += even*bits_to_float(registers[right][k][j] << 16);
                sum += odd*bits_to_float(registers[right][k][j] & 0xffff0000);
                memcpy(&registers[sums][i][j], &sum, sizeof(sum));
            }
        }
    }
}

} // namespace tile_twin

inline bool tile_unit_is_ours() { return true; }
inline void tile_fence() {}
inline void begin_tiles() {}
inline void end_tiles() {}

} // namespace paligemma

#endif
