#include "base/faults.h"

#include <cstdlib>
#include <mutex>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include "base/failure.h"
#include "ggml.h"

namespace paligemma {
namespace {

struct Planned {
    std::string place, kind;
    long        number;
    bool        repeated;
    long        seen = 0;
};

std::vector<Planned> plan() {
    std::vector<Planned> planned;
    const char * asked = std::getenv("PALIGEMMA_FAULTS");
    std::istringstream list(asked ? asked : "");
    for (std::string entry; std::getline(list, entry, ',');) {
        std::istringstream parts(entry);
        std::string place, kind, number;
        std::getline(parts, place, ':');
        std::getline(parts, kind, ':');
        std::getline(parts, number);
        const bool repeated = number[0] == '/';
        planned.push_back({place, kind, std::strtol(number.c_str() + repeated, nullptr, 10), repeated});
    }
    return planned;
}

} // namespace

Fault fault_at(const char * place) {
    static std::vector<Planned> planned = plan();
    if (planned.empty()) return Fault::NONE;
    static std::mutex mutex; // of several engines in one process
    const std::lock_guard<std::mutex> lock(mutex);
    Fault fault = Fault::NONE;
    for (Planned & one : planned) {
        if (one.place != place) continue;
        ++one.seen;
        if (one.number <= 0 || (one.repeated ? one.seen % one.number != 0 : one.seen != one.number)) continue;
        if (one.kind == "abort") GGML_ABORT("on purpose, at %s", place);
        fault = one.kind == "memory" ? Fault::MEMORY : Fault::ERROR;
    }
    return fault;
}

void fail_on_purpose(const char * place) {
    switch (fault_at(place)) {
        case Fault::NONE:   return;
        case Fault::MEMORY: throw std::bad_alloc();
        case Fault::ERROR:  throw Failure(Cause::COMPUTING, std::string("failed on purpose, at ") + place);
    }
}

} // namespace paligemma
