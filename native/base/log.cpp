#include "base/log.h"

#include <mutex>

#include "ggml.h"
#include "llama.h"
#include "mtmd.h"

namespace paligemma {
namespace {

thread_local std::string * current = nullptr;

void receive(ggml_log_level level, const char * text, void *) {
    static thread_local bool relevant = false;
    if (level != GGML_LOG_LEVEL_CONT) relevant = level == GGML_LOG_LEVEL_ERROR;
    if (relevant && current && current->size() < 4096) *current += text;
}

} // namespace

LogCapture::LogCapture() : outer_(current) {
    current = &lines_;
}

LogCapture::~LogCapture() {
    current = outer_;
}

std::string LogCapture::text() const {
    std::string joined;
    for (size_t begin = 0; begin < lines_.size();) {
        size_t end = lines_.find('\n', begin);
        if (end == std::string::npos) end = lines_.size();
        if (end > begin) joined += (joined.empty() ? "" : "; ") + lines_.substr(begin, end - begin);
        begin = end + 1;
    }
    return joined;
}

void install_log() {
    static std::once_flag once;
    std::call_once(once, [] {
        llama_log_set(receive, nullptr); // ggml's too
        mtmd_log_set(receive, nullptr);
    });
}

} // namespace paligemma
