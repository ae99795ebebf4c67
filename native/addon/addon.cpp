// Everything that JavaScript can call, one screen of it at the bottom. This file hands calls on: values are converted in
// js_values.cpp, pixels taken in js_pixels.cpp, checked in lib/, and computed with in the other files.
#include <napi.h>

#include <memory>
#include <optional>

#include "addon/js_gguf.h"
#include "addon/js_pixels.h"
#include "addon/js_read.h"
#include "addon/js_values.h"
#include "addon/promise_worker.h"
#include "base/backends.h"
#include "base/log.h"

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
        EngineOptions options = engine_options(info[0].As<Napi::Object>());
        events_ = Events::New(env_, info[1].As<Napi::Function>(), "paligemma", 0, 1);
        try {
            engine_ = std::make_unique<Engine>(std::move(options), [events = events_](Event event) {
                auto boxed = std::make_unique<Event>(std::move(event));
                if (events.NonBlockingCall(boxed.get()) == napi_ok) boxed.release();
            });
        } catch (...) { // no thread can be started
            events_.Release();
            throw;
        }
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
        if (env == nullptr || callback == nullptr || call(env, callback, *event)) return;
        // No memory for what it holds, such as features: its request is told that much.
        std::visit([&](const auto & failed) {
            if constexpr (has_id<decltype(failed)>) call(env, callback, Failed{failed.id, "not enough memory for the result", Cause::MEMORY});
        }, *event);
    }

    // False: the event cannot be converted; or the environment is being torn down and takes no more calls. (lib/engine/engine.ts itself
    // throws nothing.)
    static bool call(Napi::Env env, Napi::Function callback, const Event & event) {
        try {
            callback.Call({event_object(env, event)});
            return true;
        } catch (const std::exception &) { // Napi::Error is one
            return false;
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

// ---- model files

template <typename Result, typename Judge> Napi::Value start_judging(Napi::Env env, Judge judge) {
    return PromiseWorker<Judged<Result>>::start(
        env, [judge] { return judged(judge); }, [](Napi::Env env, const Judged<Result> & result) { return judged_object(env, result); });
}

// judgeText(path), judgeVision(path): Promise<{ values: { [key]: value }, vocabulary, maskDecoder } | { refused, reason }>
template <JudgedKeys (*Judge)(const std::string &)> Napi::Value start_judging_file(const Napi::CallbackInfo & info) {
    return start_judging<JudgedKeys>(info.Env(), [path = utf8(info[0])] { return Judge(path); });
}

// judgeTensors(path, expected): Promise<{ bytes, types } | { refused, reason }>
Napi::Value start_judging_tensors(const Napi::CallbackInfo & info) {
    return start_judging<JudgedTensors>(
        info.Env(), [path = utf8(info[0]), expected = expected_tensors(info[1])] { return judge_tensors(path, expected); });
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
        std::unique_ptr<WriteWorker> worker(new WriteWorker(info.Env(), gguf_plan(info[0].As<Napi::Object>()), info[1].As<Napi::Function>()));
        const auto cancelled = worker->cancelled_;
        const auto deferred  = worker->deferred_;
        auto job = Napi::Object::New(info.Env());
        job["promise"] = deferred.Promise();
        job["cancel"]  = Napi::Function::New(info.Env(), [cancelled](const Napi::CallbackInfo &) { *cancelled = true; });
        try {
            worker->Queue();
            worker.release(); // deletes itself when it is done
        } catch (const Napi::Error & error) {
            deferred.Reject(error.Value());
        }
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
        if (count == 0 || thrown_) return;
        try {
            on_progress_.Call({Napi::Number::New(Env(), done[count - 1])});
        } catch (const Napi::Error & error) { // ends the work and is what the promise rejects with
            thrown_.emplace(error);
            *cancelled_ = true;
        }
    }
    void OnOK() override {
        if (thrown_) {
            deferred_.Reject(thrown_->Value());
        } else {
            deferred_.Resolve(Napi::Boolean::New(Env(), whole_));
        }
    }
    void OnError(const Napi::Error & error) override { deferred_.Reject((thrown_ ? *thrown_ : error).Value()); }

private:
    GgufPlan                           plan_;
    Napi::FunctionReference            on_progress_;
    Napi::Promise::Deferred            deferred_;
    std::optional<Napi::Error>         thrown_; // by on_progress
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

// whyNotLoaded(backend, library): string
Napi::Value why_library_is_not_loaded(const Napi::CallbackInfo & info) {
    return Napi::String::New(info.Env(), why_not_loaded(utf8(info[0]), utf8(info[1])));
}

// devices(): [{ backend, index, name, description, freeBytes, totalBytes }]
Napi::Value list_devices(const Napi::CallbackInfo & info) {
    const auto found = devices();
    auto list = Napi::Array::New(info.Env(), found.size());
    for (uint32_t i = 0; i < found.size(); ++i) list[i] = device_object(info.Env(), found[i]);
    return list;
}

// measurePeaks(threads): Promise<{ float32, int8, tiles, reading }>
Napi::Value measure_peaks(const Napi::CallbackInfo & info) {
    const int threads = info[0].As<Napi::Number>().Int32Value();
    return PromiseWorker<paligemma_peaks>::start(
        info.Env(),
        [threads] {
            paligemma_peaks peaks;
            cpu_backend().measure_peaks(threads, &peaks);
            return peaks;
        },
        [](Napi::Env env, paligemma_peaks & peaks) {
            auto object = Napi::Object::New(env);
            object["float32"] = peaks.float32;
            object["int8"]    = peaks.bytes;
            object["tiles"]   = peaks.tiles;
            object["reading"] = peaks.reading;
            return object;
        });
}

// cpuFeatures(): string
Napi::Value list_cpu_features(const Napi::CallbackInfo & info) {
    return Napi::String::New(info.Env(), cpu_features());
}

// ---- the surface

Napi::Object init(Napi::Env env, Napi::Object exports) {
    install_log();
    exports["version"]        = Napi::String::New(env, PALIGEMMA_VERSION);
    exports["measurePeaks"]   = Napi::Function::New(env, measure_peaks);
    exports["loadBackends"]   = Napi::Function::New(env, load_backend_libraries);
    exports["whyNotLoaded"]   = Napi::Function::New(env, why_library_is_not_loaded);
    exports["devices"]        = Napi::Function::New(env, list_devices);
    exports["cpuFeatures"]    = Napi::Function::New(env, list_cpu_features);
    exports["Model"]          = ModelHandle::define(env);
    exports["resize"]         = Napi::Function::New(env, resize);
    exports["toRgb"]          = Napi::Function::New(env, convert_to_rgb);
    exports["layMask"]        = Napi::Function::New(env, lay_out_mask);
    exports["encodeRuns"]     = Napi::Function::New(env, encode_mask_runs);
    exports["judgeText"]      = Napi::Function::New(env, start_judging_file<judge_text>);
    exports["judgeVision"]    = Napi::Function::New(env, start_judging_file<judge_vision>);
    exports["judgeTensors"]   = Napi::Function::New(env, start_judging_tensors);
    exports["tensorTypes"]    = Napi::Function::New(env, choose_tensor_types);
    exports["writeGguf"]      = Napi::Function::New(env, WriteWorker::start);
    return exports;
}

NODE_API_MODULE(paligemma, init)
