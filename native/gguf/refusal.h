// Why a model file is turned away, in words for whoever wanted to load it.
#pragma once

#include <stdexcept>
#include <string>

namespace paligemma {

struct Refusal : std::runtime_error {
    enum Kind { INVALID, UNSUPPORTED } kind;

    Refusal(Kind kind, const std::string & message) : std::runtime_error(message), kind(kind) {}
};

// The file is broken: it does not hold what it says it does.
inline Refusal invalid(const std::string & path, const std::string & what) {
    return {Refusal::INVALID, path + " cannot be used: " + what};
}

// The file may well be whole, but what it holds is nothing that this library computes.
inline Refusal unsupported(const std::string & path, const std::string & what) {
    return {Refusal::UNSUPPORTED,
            path + " is not a PaliGemma model of this library: " + what + "; convert one with: paligemma convert SOURCE TARGET"};
}

} // namespace paligemma
