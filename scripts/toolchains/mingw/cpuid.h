// Clang 19 and the headers of MinGW-w64 before version 12 both define __cpuidex. The latter's stays.
#pragma once
#define __cpuidex __cpuidex_of_clang
#include_next <cpuid.h>
#undef __cpuidex
