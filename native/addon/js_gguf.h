// GGUF files between JavaScript and C++.
#pragma once

#include <napi.h>

#include <variant>

#include "gguf/judge.h"
#include "gguf/quantization.h"
#include "gguf/refusal.h"
#include "gguf/writer.h"

namespace paligemma {

// The types in lib/addon/native.ts.
GgufPlan                 gguf_plan(const Napi::Object & from);
TextShape                text_shape(const Napi::Object & from);
std::vector<TensorShape> tensor_shapes(const Napi::Value & from);

std::vector<ExpectedTensor> expected_tensors(const Napi::Value & from);

// What a judge says. A refusal is no failure of the work on it, and goes to JavaScript as a value.
template <typename T> using Judged = std::variant<T, Refusal>;

template <typename Judge> auto judged(Judge && judge) -> Judged<decltype(judge())> {
    try {
        return judge();
    } catch (const Refusal & refusal) {
        return refusal;
    }
}

Napi::Object judged_object(Napi::Env env, const Judged<JudgedKeys> & judged);
Napi::Object judged_object(Napi::Env env, const Judged<JudgedTensors> & judged);

} // namespace paligemma
