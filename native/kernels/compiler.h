// What compilers must be told; first in each file.
#pragma once

// For what hands over registers: called, it would hand over memory.
#if defined(_MSC_VER)
#define PALIGEMMA_INLINE __forceinline
#else
#define PALIGEMMA_INLINE inline __attribute__((always_inline))
#endif

// GCC's own headers of instructions leave variables without a value on purpose, and GCC warns of them where they are used.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
