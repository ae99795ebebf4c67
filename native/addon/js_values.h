// Values between JavaScript and C++. Everything that arrives here has been checked in lib/.
#pragma once

#include <napi.h>

#include "engine/engine.h"

namespace paligemma {

// ---- JavaScript -> C++: the types in lib/addon/native.ts

EngineOptions engine_options(const Napi::Object & from);
Request       engine_request(const Napi::Object & from);

// ---- C++ -> JavaScript, always by copy: Electron allows no memory that V8 did not allocate

Napi::Float32Array floats(Napi::Env env, const std::vector<float> & values);
Napi::Uint8Array   bytes_array(Napi::Env env, const Pixels & values);
Napi::Object       device_object(Napi::Env env, const Device & device);
Napi::Object       event_object(Napi::Env env, const Event & event);

} // namespace paligemma
