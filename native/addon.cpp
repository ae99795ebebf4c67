// Everything that JavaScript can call, one screen of it at the bottom. This file hands calls on: values are converted in
// js_values.cpp, checked in lib/, and computed with in the other files.
#include <napi.h>

#include <memory>

#include "backends.h"
#include "js_gguf.h"
#include "js_read.h"
#include "js_values.h"
#include "log.h"
#include "pixels.h"
#include "resize.h"

using namespace paligemma;

namespace {

// ---- the model

class ModelHandle : public Napi::ObjectWrap<ModelHandle> {
public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(env, "Model", {
            InstanceMethod<&ModelHandle::submit>("submit"),
            InstanceMethod<&ModelHandle::abort>("abort"),
            InstanceMethod<&ModelHandle::stop>("stop"),
            InstanceMethod<&ModelHandle::hold>("hold"),
            InstanceMethod<&ModelHandle::release>("release"),
        });
    }

    // new Model(options, onEvent)
    explicit ModelHandle(const Napi::CallbackInfo & info) : Napi::ObjectWrap<ModelHandle>(info), env_(info.Env()) {
        events_ = Events::New(env_, info[1].As<Napi::Function>(), "paligemma", 0, 1);
        engine_ = std::make_unique<Engine>(engine_options(info[0].As<Napi::Object>()), [events = events_](Event event) {
            auto * boxed = new Event(std::move(event));
            if (events.NonBlockingCall(boxed) != napi_ok) delete boxed;
        });
        // Added after the function's own hook, so it runs before it: the thread is gone when the function goes.
        napi_add_env_cleanup_hook(env_, close, this);
    }

    ~ModelHandle() override {
        napi_remove_env_cleanup_hook(env_, close, this);
        close(this);
    }

private:
    static void deliver(Napi::Env env, Napi::Function callback, std::nullptr_t *, Event * boxed) {
        std::unique_ptr<Event> event(boxed);
        if (env == nullptr || callback == nullptr) return;
        try {
            callback.Call({event_object(env, *event)});
        } catch (const Napi::Error &) {
            // The environment is being torn down and takes no more calls: lib/engine/engine.ts itself throws nothing.
        }
    }
    using Events = Napi::TypedThreadSafeFunction<std::nullptr_t, Event, deliver>;

    static void close(void * self) {
        auto * handle = static_cast<ModelHandle *>(self);
        if (!handle->engine_) return;
        handle->engine_.reset(); // joins the thread
        handle->events_.Release();
    }

    void submit(const Napi::CallbackInfo & info) {
        if (engine_) engine_->submit(engine_request(info[0].As<Napi::Object>()));
    }
    void abort(const Napi::CallbackInfo & info) {
        if (engine_) engine_->abort(info[0].As<Napi::Number>().Uint32Value());
    }
    void stop(const Napi::CallbackInfo &) {
        if (engine_) engine_->stop();
    }
    // hold(true): pending events keep the process alive; hold(false): an idle model lets it end
    void hold(const Napi::CallbackInfo & info) {
        if (!engine_) return;
        if (info[0].ToBoolean().Value()) {
            events_.Ref(env_);
        } else {
            events_.Unref(env_);
        }
    }

    // Joins the thread and lets go of the callback, so that both sides can be collected.
    void release(const Napi::CallbackInfo &) { close(this); }

    Napi::Env               env_;
    Events                  events_;
    std::unique_ptr<Engine> engine_;
};

// ---- work on libuv's threads

// Runs `work` on a pool thread and resolves a promise with what `convert` makes of its result.
template <typename Result> class PromiseWorker : public Napi::AsyncWorker {
public:
    using Work    = std::function<Result()>;
    using Convert = std::function<Napi::Value(Napi::Env, const Result &)>;

    static Napi::Value start(Napi::Env env, Work work, Convert convert) {
        auto * worker = new PromiseWorker(env, std::move(work), std::move(convert));
        worker->Queue();
        return worker->deferred_.Promise();
    }

protected:
    PromiseWorker(Napi::Env env, Work work, Convert convert)
        : AsyncWorker(env, "paligemma"), work_(std::move(work)), convert_(std::move(convert)), deferred_(env) {}

    void Execute() override { result_ = work_(); } // an exception becomes OnError
    void OnOK() override { deferred_.Resolve(convert_(Env(), result_)); }
    void OnError(const Napi::Error & error) override { deferred_.Reject(error.Value()); }

private:
    Work                    work_;
    Convert                 convert_;
    Napi::Promise::Deferred deferred_;
    Result                  result_{};
};

// Bytes for a worker. The array is held, not copied, as it may be large, and consumed: lib/ hands over only arrays of its
// own, which nobody else uses.
struct Held {
    std::shared_ptr<Napi::Reference<Napi::Uint8Array>> array;
    const uint8_t                                    * data;

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

size_t size_argument(const Napi::Value & value) {
    return size_t(value.As<Napi::Number>().Int64Value());
}

// resize(rgb: Uint8Array, width, height, size): Promise<Uint8Array>
Napi::Value resize(const Napi::CallbackInfo & info) {
    const size_t width = size_argument(info[1]), height = size_argument(info[2]), size = size_argument(info[3]);
    const Held source(info[0], width * height * 3);
    return PromiseWorker<Pixels>::start(
        info.Env(), [=, data = source.data] { return resize_bicubic(data, width, height, size); },
        [source](Napi::Env env, const Pixels & pixels) {
            source.consume();
            return bytes_array(env, pixels);
        });
}

// toRgb(data: Uint8Array, pixels, layout): Promise<Uint8Array>
Napi::Value convert_to_rgb(const Napi::CallbackInfo & info) {
    const size_t pixels = size_argument(info[1]);
    const auto   name   = utf8(info[2]);
    const Layout layout = name == "grey" ? Layout::GREY : name == "grey16" ? Layout::GREY16 : name == "rgba" ? Layout::RGBA : Layout::CMYK;
    const Held source(info[0], pixels * bytes_per_pixel(layout));
    return PromiseWorker<Pixels>::start(
        info.Env(), [=, data = source.data] { return to_rgb(data, pixels, layout); },
        [source](Napi::Env env, const Pixels & rgb) {
            source.consume();
            return bytes_array(env, rgb);
        });
}

// resizeMask(values: Float32Array, size, width, height): Promise<Float32Array>
Napi::Value resize_mask(const Napi::CallbackInfo & info) {
    const auto source = info[0].As<Napi::Float32Array>();
    std::vector<float> values(source.Data(), source.Data() + source.ElementLength());
    const auto size   = size_t(info[1].As<Napi::Number>().Int64Value());
    const auto width  = size_t(info[2].As<Napi::Number>().Int64Value());
    const auto height = size_t(info[3].As<Napi::Number>().Int64Value());
    return PromiseWorker<std::vector<float>>::start(
        info.Env(), [=] { return resize_bilinear(values.data(), size, size, width, height); },
        [](Napi::Env env, const std::vector<float> & resized) { return floats(env, resized); });
}

// readGgufHeader(path): Promise<{ fileSize, values: { [key]: value }, tensors: [{ name, type, shape, offset, size }] }>
Napi::Value read_header(const Napi::CallbackInfo & info) {
    const std::string path = info[0].As<Napi::String>();
    return PromiseWorker<GgufHeader>::start(
        info.Env(), [path] { return read_gguf_header(path); },
        [](Napi::Env env, const GgufHeader & header) { return header_object(env, header); });
}

// tensorTypes(text, fileType, tensors): string[]
Napi::Value choose_tensor_types(const Napi::CallbackInfo & info) {
    const auto types = tensor_types(text_shape(info[0].As<Napi::Object>()), info[1].As<Napi::Number>().Int32Value(), tensor_shapes(info[2]));
    auto names = Napi::Array::New(info.Env(), types.size());
    for (uint32_t i = 0; i < types.size(); ++i) names[i] = types[i];
    return names;
}

// writeGguf(plan, onProgress(bytes)): { promise: Promise<boolean>, cancel() }
class WriteWorker : public Napi::AsyncProgressWorker<double> {
public:
    static Napi::Value start(const Napi::CallbackInfo & info) {
        auto * worker = new WriteWorker(info.Env(), gguf_plan(info[0].As<Napi::Object>()), info[1].As<Napi::Function>());
        auto cancelled = worker->cancelled_;
        auto job = Napi::Object::New(info.Env());
        job["promise"] = worker->deferred_.Promise();
        job["cancel"]  = Napi::Function::New(info.Env(), [cancelled](const Napi::CallbackInfo &) { *cancelled = true; });
        worker->Queue();
        return job;
    }

protected:
    WriteWorker(Napi::Env env, GgufPlan plan, Napi::Function on_progress)
        : AsyncProgressWorker(env, "paligemma"), plan_(std::move(plan)), on_progress_(Napi::Persistent(on_progress)), deferred_(env) {}

    void Execute(const ExecutionProgress & progress) override {
        whole_ = write_gguf(plan_, *cancelled_, [&](uint64_t bytes) {
            const double done = double(bytes);
            progress.Send(&done, 1);
        });
    }
    void OnProgress(const double * done, size_t count) override {
        if (count > 0) on_progress_.Call({Napi::Number::New(Env(), done[count - 1])});
    }
    void OnOK() override { deferred_.Resolve(Napi::Boolean::New(Env(), whole_)); }
    void OnError(const Napi::Error & error) override { deferred_.Reject(error.Value()); }

private:
    GgufPlan                           plan_;
    Napi::FunctionReference            on_progress_;
    Napi::Promise::Deferred            deferred_;
    std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
    bool                               whole_     = false;
};

} // namespace

// loadBackends(folders)
Napi::Value load_backend_libraries(const Napi::CallbackInfo & info) {
    LogCapture log; // what a folder does not hold is no news
    load_backends(list<std::string>(info[0], utf8));
    return info.Env().Undefined();
}

// devices(): [{ backend, index, name, description, freeBytes, totalBytes }]
Napi::Value list_devices(const Napi::CallbackInfo & info) {
    const auto found = devices();
    auto list = Napi::Array::New(info.Env(), found.size());
    for (uint32_t i = 0; i < found.size(); ++i) list[i] = device_object(info.Env(), found[i]);
    return list;
}

// cpuFeatures(): string
Napi::Value list_cpu_features(const Napi::CallbackInfo & info) {
    return Napi::String::New(info.Env(), cpu_features());
}

// ---- the surface

Napi::Object init(Napi::Env env, Napi::Object exports) {
    install_log();
    exports["loadBackends"]   = Napi::Function::New(env, load_backend_libraries);
    exports["devices"]        = Napi::Function::New(env, list_devices);
    exports["cpuFeatures"]    = Napi::Function::New(env, list_cpu_features);
    exports["Model"]          = ModelHandle::define(env);
    exports["resize"]         = Napi::Function::New(env, resize);
    exports["toRgb"]          = Napi::Function::New(env, convert_to_rgb);
    exports["resizeMask"]     = Napi::Function::New(env, resize_mask);
    exports["readGgufHeader"] = Napi::Function::New(env, read_header);
    exports["tensorTypes"]    = Napi::Function::New(env, choose_tensor_types);
    exports["writeGguf"]      = Napi::Function::New(env, WriteWorker::start);
    return exports;
}

NODE_API_MODULE(paligemma, init)
