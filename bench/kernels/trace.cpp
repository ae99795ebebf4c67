// Writes a line for each kernel, copy and fill of a CUDA card: what, when it began and ended (nanoseconds), stream, size, name.
// Nothing but CUDA's own libraries is needed, on machines without Nsight too.
//
//   g++ -O2 -shared -fPIC trace.cpp -o trace.so -I$CUDA_HOME/include -L$CUDA_HOME/lib64 -lcupti
//   CUDA_INJECTION64_PATH=$PWD/trace.so TRACE_OUT=trace.tsv node ../in-flight.mjs MODEL cuda 128 --requests 512
//   python3 sum.py trace.tsv MILLISECONDS      what the last so many milliseconds went into
#include <cupti.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace {

FILE *     out;
std::mutex writing;

void CUPTIAPI want(uint8_t ** buffer, size_t * size, size_t * records) {
    *size    = 8 << 20;
    *buffer  = static_cast<uint8_t *>(aligned_alloc(8, *size));
    *records = 0; // as many as fit
}

void line(char kind, uint64_t start, uint64_t end, uint32_t stream, const char * size, const char * name) {
    std::fprintf(out, "%c\t%llu\t%llu\t%u\t%s\t%s\n", kind, (unsigned long long) start, (unsigned long long) end, stream, size, name);
}

void CUPTIAPI have(CUcontext, uint32_t, uint8_t * buffer, size_t, size_t valid) {
    const std::lock_guard<std::mutex> lock(writing);
    CUpti_Activity * record = nullptr;
    char             size[64], name[64];
    while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS) {
        if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
            const auto * one = reinterpret_cast<const CUpti_ActivityKernel10 *>(record);
            std::snprintf(size, sizeof size, "%dx%dx%d", one->gridX, one->gridY, one->gridZ);
            line('K', one->start, one->end, one->streamId, size, one->name);
        } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMCPY) {
            const auto * one = reinterpret_cast<const CUpti_ActivityMemcpy6 *>(record);
            std::snprintf(size, sizeof size, "%llu", (unsigned long long) one->bytes);
            std::snprintf(name, sizeof name, "copy %d, from memory %d to %d", one->copyKind, one->srcKind, one->dstKind);
            line('C', one->start, one->end, one->streamId, size, name);
        } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMSET) {
            const auto * one = reinterpret_cast<const CUpti_ActivityMemset4 *>(record);
            std::snprintf(size, sizeof size, "%llu", (unsigned long long) one->bytes);
            line('F', one->start, one->end, one->streamId, size, "fill");
        }
    }
    free(buffer);
}

void finish() {
    cuptiActivityFlushAll(1);
    std::fclose(out);
}

} // namespace

extern "C" int InitializeInjection() {
    const char * path = std::getenv("TRACE_OUT");
    if (!path || !(out = std::fopen(path, "w"))) return 0;
    cuptiActivityRegisterCallbacks(want, have);
    for (const auto kind : {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, CUPTI_ACTIVITY_KIND_MEMCPY, CUPTI_ACTIVITY_KIND_MEMSET})
        cuptiActivityEnable(kind);
    std::atexit(finish);
    return 1;
}
