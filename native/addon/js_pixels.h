// What JavaScript calls to work on pixels, on libuv's threads.
#pragma once

#include <napi.h>

namespace paligemma {

Napi::Value resize(const Napi::CallbackInfo & info);
Napi::Value convert_to_rgb(const Napi::CallbackInfo & info);
Napi::Value lay_out_mask(const Napi::CallbackInfo & info);
Napi::Value encode_mask_runs(const Napi::CallbackInfo & info);

} // namespace paligemma
