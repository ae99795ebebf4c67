// llama.cpp's own quantisation of a whole file, to compare ours with: what its command line tool does with no options.
//
//   reference-quantize INPUT.gguf OUTPUT.gguf FTYPE [THREADS]      FTYPE as a number of llama_ftype
#include <cstdio>
#include <cstdlib>

#include "llama.h"

int main(int argc, char ** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: reference-quantize INPUT.gguf OUTPUT.gguf FTYPE [THREADS]\n");
        return 2;
    }
    llama_log_set([](ggml_log_level level, const char * text, void *) {
        if (level >= GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
    }, nullptr);
    auto params    = llama_model_quantize_default_params();
    params.ftype   = llama_ftype(std::atoi(argv[3]));
    params.nthread = argc > 4 ? std::atoi(argv[4]) : 0;
    return int(llama_model_quantize(argv[1], argv[2], &params));
}
