// Reading JavaScript values whose types lib/ has made sure of.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

namespace paligemma {

inline std::string utf8(const Napi::Value & value) {
    return value.As<Napi::String>().Utf8Value();
}

inline std::string text(const Napi::Object & from, const char * key) {
    return from.Get(key).As<Napi::String>().Utf8Value();
}

inline double number(const Napi::Object & from, const char * key) {
    return from.Get(key).As<Napi::Number>().DoubleValue();
}

inline bool flag(const Napi::Object & from, const char * key) {
    return from.Get(key).ToBoolean().Value();
}

template <typename T, typename F> std::vector<T> list(const Napi::Value & value, F && convert) {
    const auto array = value.As<Napi::Array>();
    std::vector<T> result;
    result.reserve(array.Length());
    for (uint32_t i = 0; i < array.Length(); ++i) result.push_back(convert(Napi::Value(array[i])));
    return result;
}

} // namespace paligemma
