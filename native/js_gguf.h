// GGUF files between JavaScript and C++.
#pragma once

#include <napi.h>

#include "gguf/header.h"
#include "gguf/quantization.h"
#include "gguf/writer.h"

namespace paligemma {

// The types in lib/native.ts.
GgufPlan                 gguf_plan(const Napi::Object & from);
TextShape                text_shape(const Napi::Object & from);
std::vector<TensorShape> tensor_shapes(const Napi::Value & from);

Napi::Object header_object(Napi::Env env, const GgufHeader & header);

} // namespace paligemma
