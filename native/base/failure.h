// Why a request could not be answered.
#pragma once

#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace paligemma {

enum class Cause {
    COMPUTING, // the computation itself
    MEMORY,    // the device or the machine has too little of it
    NUMBERS,   // the weights give NaN or infinity
};

class Failure : public std::runtime_error {
public:
    Failure(Cause cause, const std::string & what) : std::runtime_error(what), cause_(cause) {}

    Cause cause() const { return cause_; }

private:
    Cause cause_;
};

inline Cause cause_of(const std::exception & error) {
    if (const auto * failure = dynamic_cast<const Failure *>(&error)) return failure->cause();
    return dynamic_cast<const std::bad_alloc *>(&error) ? Cause::MEMORY : Cause::COMPUTING;
}

// Throws what a status of llama_decode means, unless it is 0: done.
inline void check_decoded(int status, const char * what) {
    if (status == 0) return;
    throw Failure(status == -2 ? Cause::MEMORY : Cause::COMPUTING, std::string(what) + " failed (llama_decode " + std::to_string(status) + ")");
}

// Sampling from NaN gives anything, and greedily nothing: no answer is better than such a one.
inline void check_numbers(bool finite, const char * what) {
    if (!finite) throw Failure(Cause::NUMBERS, std::string(what) + " are not finite numbers");
}

// By the exponent's bits, and without an early end: so it is computed for many values at once.
inline bool all_finite(const float * values, size_t count) {
    bool finite = true;
    for (size_t i = 0; i < count; ++i) {
        uint32_t bits;
        std::memcpy(&bits, values + i, sizeof(bits));
        finite &= (bits & 0x7f800000u) != 0x7f800000u;
    }
    return finite;
}

inline bool all_finite(const std::vector<float> & values) {
    return all_finite(values.data(), values.size());
}

} // namespace paligemma
