#include "addon/js_pixels.h"

#include "addon/js_read.h"
#include "addon/js_values.h"
#include "addon/promise_worker.h"
#include "image/mask.h"
#include "image/pixels.h"
#include "image/resize.h"

namespace paligemma {
namespace {

using Bytes = std::shared_ptr<Napi::Reference<Napi::Uint8Array>>;

size_t size_argument(const Napi::Value & value) {
    return size_t(value.As<Napi::Number>().Int64Value());
}

// Bytes for a worker. The array is held, not copied, as it may be large: lib/ hands over only arrays of its own, which nobody
// else uses.
struct Held {
    Bytes           array;
    const uint8_t * data;

    Held(const Napi::Value & value, size_t expected) {
        const auto source = value.As<Napi::Uint8Array>();
        if (source.ByteLength() != expected) throw Napi::RangeError::New(value.Env(), "expected " + std::to_string(expected) + " bytes");
        array = std::make_shared<Napi::Reference<Napi::Uint8Array>>(Napi::Persistent(source));
        data  = source.Data();
    }

    // Frees the bytes now instead of when V8 collects them: pictures would pile up to many times what is in use.
    void consume() const {
        Napi::ArrayBuffer buffer = array->Value().ArrayBuffer();
        if (buffer.ByteLength() == array->Value().ByteLength()) buffer.Detach(); // else a part of somebody else's
    }
};

// An array that a worker fills and JavaScript gets: what is as large as a picture is not copied on the event loop.
struct Filled {
    Bytes     array;
    uint8_t * data;

    Filled(Napi::Env env, size_t size) {
        auto target = Napi::Uint8Array::New(env, size);
        array = std::make_shared<Napi::Reference<Napi::Uint8Array>>(Napi::Persistent(target));
        data  = target.Data();
    }
};

} // namespace

// resize(rgb: Uint8Array, width, height, size): Promise<Uint8Array>
Napi::Value resize(const Napi::CallbackInfo & info) {
    const size_t width = size_argument(info[1]), height = size_argument(info[2]), size = size_argument(info[3]);
    const Held source(info[0], width * height * 3);
    return PromiseWorker<Pixels>::start(
        info.Env(), [=, data = source.data] { return resize_bicubic(data, width, height, size); },
        [source](Napi::Env env, Pixels & pixels) {
            source.consume();
            return bytes_array(env, pixels);
        });
}

// toRgb(data: Uint8Array, pixels, layout): Promise<Uint8Array>
Napi::Value convert_to_rgb(const Napi::CallbackInfo & info) {
    const size_t pixels = size_argument(info[1]);
    const auto   name   = utf8(info[2]);
    const Layout layout = name == "grey" ? Layout::GREY : name == "grey16" ? Layout::GREY16 : name == "rgba" ? Layout::RGBA : Layout::CMYK;
    const Held   source(info[0], pixels * bytes_per_pixel(layout));
    const Filled target(info.Env(), pixels * 3);
    return PromiseWorker<bool>::start(
        info.Env(), [=, from = source.data, to = target.data] { to_rgb(from, pixels, layout, to); return true; },
        [source, target](Napi::Env, bool &) {
            source.consume();
            return target.array->Value();
        });
}

// layMask(opacities: Float32Array, size, [left, top, width, height], width, height): Promise<Uint8Array>
Napi::Value lay_out_mask(const Napi::CallbackInfo & info) {
    const auto source = info[0].As<Napi::Float32Array>();
    std::vector<float> opacities(source.Data(), source.Data() + source.ElementLength());
    const auto size  = size_argument(info[1]);
    const auto sides = list<size_t>(info[2], size_argument);
    const Box  box{sides[0], sides[1], sides[2], sides[3]};
    const auto width = size_argument(info[3]);
    const Filled target(info.Env(), width * size_argument(info[4]));
    return PromiseWorker<bool>::start(
        info.Env(),
        [=, opacities = std::move(opacities), mask = target.data] { lay_mask(opacities.data(), size, box, mask, width); return true; },
        [target](Napi::Env, bool &) { return target.array->Value(); });
}

// encodeRuns(mask: Uint8Array, width, height): Promise<string>
Napi::Value encode_mask_runs(const Napi::CallbackInfo & info) {
    const size_t width = size_argument(info[1]), height = size_argument(info[2]);
    const Held   source(info[0], width * height);
    return PromiseWorker<std::string>::start(
        info.Env(), [=, data = source.data] { return encode_runs(data, width, height); },
        [source](Napi::Env env, std::string & text) { return Napi::String::New(env, text); });
}

} // namespace paligemma
