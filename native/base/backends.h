// The libraries that compute, which lie beside the addon: the processor's, and those of graphics cards that are there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "kernels/peaks.h"

namespace paligemma {

// Loads what these folders hold, each backend once a process: of several libraries for the processor the best that it can
// run. Throws std::runtime_error when there is none for the processor.
void load_backends(const std::vector<std::string> & folders);

// Why the library of a backend, such as "cuda", does not load. Empty where it does.
std::string why_not_loaded(const std::string & backend, const std::string & library);

// What the processor's library has beyond ggml's common interface. After load_backends.
struct CpuBackend {
    decltype(&ggml_threadpool_new)                 threadpool_new;
    decltype(&ggml_threadpool_free)                threadpool_free;
    decltype(&ggml_backend_cpu_set_threadpool)     set_threadpool;
    decltype(&ggml_backend_cpu_set_n_threads)      set_n_threads;
    decltype(&ggml_backend_cpu_set_abort_callback) set_abort_callback;
    decltype(&ggml_cpu_fp32_to_fp16)               fp32_to_fp16;
    decltype(&ggml_cpu_fp16_to_fp32)               fp16_to_fp32;
    decltype(&ggml_cpu_bf16_to_fp32)               bf16_to_fp32;
    decltype(&paligemma_measure_peaks)             measure_peaks;
};
const CpuBackend & cpu_backend();

// Instruction sets that the processor's library uses, such as "AVX512, FMA".
std::string cpu_features();

// Something that computes, as ggml counts it. `backend` in lower case: "cpu", "cuda", "vulkan", "metal".
struct Device {
    std::string        backend, name, description;
    int                index; // among its backend's
    uint64_t           free_bytes, total_bytes;
    ggml_backend_dev_t device;
};
std::vector<Device> devices();

// The graphics card that ggml calls this; null for an empty name. Throws std::runtime_error when it is not there.
ggml_backend_dev_t find_card(const std::string & name);

} // namespace paligemma
