// Everything that JavaScript can call, one screen of it at the bottom. This file converts values and hands them on; it
// checks nothing (lib/ has) and computes nothing (the other files do).
#include <napi.h>

#include <memory>

#include "engine.h"
#include "gguf_file.h"
#include "log.h"
#include "pixels.h"
#include "resize.h"

using namespace paligemma;

namespace {

// ---- JavaScript -> C++

std::string text(const Napi::Object & from, const char * key) {
    return from.Get(key).As<Napi::String>().Utf8Value();
}

double number(const Napi::Object & from, const char * key) {
    return from.Get(key).As<Napi::Number>().DoubleValue();
}

bool flag(const Napi::Object & from, const char * key) {
    return from.Get(key).ToBoolean().Value();
}

Pixels bytes(const Napi::Value & value) {
    const auto array = value.As<Napi::Uint8Array>();
    return Pixels(array.Data(), array.Data() + array.ByteLength());
}

template <typename T, typename F> std::vector<T> list(const Napi::Value & value, F && convert) {
    const auto array = value.As<Napi::Array>();
    std::vector<T> result;
    result.reserve(array.Length());
    for (uint32_t i = 0; i < array.Length(); ++i) result.push_back(convert(Napi::Value(array[i])));
    return result;
}

EngineOptions engine_options(const Napi::Object & from) {
    EngineOptions options;
    options.text_path             = text(from, "textPath");
    options.vision_path           = text(from, "visionPath");
    options.threads               = int(number(from, "threads"));
    options.context.tokens        = int(number(from, "contextTokens"));
    options.context.max_sequences = int(number(from, "maxSequences"));
    options.context.float32_cache = text(from, "cacheType") == "f32";
    options.image_token           = llama_token(number(from, "imageToken"));
    return options;
}

MaskCodes mask_codes(const Napi::Value & value) {
    MaskCodes codes{};
    const auto array = value.As<Napi::Array>();
    for (uint32_t i = 0; i < codes.size(); ++i) codes[i] = Napi::Value(array[i]).As<Napi::Number>().Int32Value();
    return codes;
}

std::string utf8(const Napi::Value & value) {
    return value.As<Napi::String>().Utf8Value();
}

void read_generate(const Napi::Object & from, Request & request) {
    request.max_tokens           = int(number(from, "maxTokens"));
    request.sampling.temperature = float(number(from, "temperature"));
    request.sampling.top_k       = int(number(from, "topK"));
    request.sampling.top_p       = float(number(from, "topP"));
    request.sampling.seed        = uint32_t(number(from, "seed"));
    request.beams                = int(number(from, "numBeams"));
    request.length_penalty       = float(number(from, "lengthPenalty"));
    request.with_marks           = flag(from, "locations");
    request.stream               = flag(from, "stream");
    request.stops                = list<std::string>(from.Get("stop"), utf8);
    if (from.Has("logprobs")) request.sampling.logprobs = int(number(from, "logprobs"));
    if (from.Has("forced")) request.forced = text(from, "forced");
    if (from.Has("constraint")) {
        const auto constraint = from.Get("constraint").As<Napi::Object>();
        request.constraint    = Request::Labels{list<std::string>(constraint.Get("labels"), utf8), flag(constraint, "segment")};
    }
}

Request engine_request(const Napi::Object & from) {
    Request request;
    request.id      = uint32_t(number(from, "id"));
    const auto kind = text(from, "kind");
    if (kind == "masks") {
        request.kind  = Request::MASKS;
        request.masks = list<MaskCodes>(from.Get("masks"), mask_codes);
        return request;
    }
    request.images = list<Pixels>(from.Get("images"), bytes);
    request.kind   = kind == "encode" ? Request::ENCODE : kind == "trace" ? Request::TRACE : Request::GENERATE;
    if (request.kind != Request::ENCODE) request.prompt = text(from, "prompt");
    if (request.kind == Request::GENERATE) read_generate(from, request);
    return request;
}

GgufEntry gguf_entry(const Napi::Object & from) {
    const auto type  = text(from, "type");
    const auto value = from.Get("value");
    if (type == "bool") return value.ToBoolean().Value();
    if (type == "u32") return value.As<Napi::Number>().Uint32Value();
    if (type == "f32") return value.As<Napi::Number>().FloatValue();
    if (type == "string[]") return list<std::string>(value, utf8);
    if (type == "f32[]") return list<float>(value, [](Napi::Value v) { return v.As<Napi::Number>().FloatValue(); });
    if (type == "i32[]") return list<int32_t>(value, [](Napi::Value v) { return v.As<Napi::Number>().Int32Value(); });
    return value.As<Napi::String>().Utf8Value();
}

GgufPlan gguf_plan(const Napi::Object & from) {
    GgufPlan plan;
    plan.path = text(from, "path");
    for (const auto & entry : list<Napi::Object>(from.Get("values"), [](Napi::Value v) { return v.As<Napi::Object>(); })) {
        plan.values.emplace_back(text(entry, "key"), gguf_entry(entry));
    }
    plan.tensors = list<GgufTensorPlan>(from.Get("tensors"), [](Napi::Value value) {
        const auto tensor = value.As<Napi::Object>();
        const auto source = tensor.Get("source").As<Napi::Object>();
        return GgufTensorPlan{text(tensor, "name"),
                              list<int64_t>(tensor.Get("shape"), [](Napi::Value v) { return v.As<Napi::Number>().Int64Value(); }),
                              text(tensor, "type"),
                              text(source, "path"),
                              uint64_t(number(source, "offset")),
                              text(source, "type"),
                              float(number(tensor, "add"))};
    });
    return plan;
}

// ---- C++ -> JavaScript

Napi::Float32Array floats(Napi::Env env, const std::vector<float> & values) {
    auto array = Napi::Float32Array::New(env, values.size());
    std::copy(values.begin(), values.end(), array.Data());
    return array;
}

Napi::Int32Array integers(Napi::Env env, const std::vector<int32_t> & values) {
    auto array = Napi::Int32Array::New(env, values.size());
    std::copy(values.begin(), values.end(), array.Data());
    return array;
}

Napi::Object timings_object(Napi::Env env, const Timings & timings) {
    auto object = Napi::Object::New(env);
    object["queue"]   = timings.queue;
    object["vision"]  = timings.vision;
    object["prefill"] = timings.prefill;
    object["decode"]  = timings.decode;
    return object;
}

struct EventToObject {
    Napi::Env env;

    Napi::Object make(const char * type, uint32_t id = 0) const {
        auto object = Napi::Object::New(env);
        object["type"] = type;
        if (id) object["id"] = id;
        return object;
    }
    Napi::Object operator()(const Loaded & e) const {
        auto object = make("loaded");
        object["imageSize"]     = e.image_size;
        object["imageTokens"]   = e.image_tokens;
        object["width"]         = e.width;
        object["vocabulary"]    = e.vocabulary;
        object["cacheBytes"]    = double(e.bytes.cache);
        object["computeBytes"]  = double(e.bytes.compute);
        object["maskDecoder"]   = e.mask_decoder;
        return object;
    }
    Napi::Object operator()(const LoadFailed & e) const { return with_reason(make("loadFailed"), e.reason); }
    Napi::Object operator()(const Failed & e) const { return with_reason(make("failed", e.id), e.reason); }
    Napi::Object operator()(const Progress & e) const {
        auto object = make("progress");
        object["done"] = e.done;
        return object;
    }
    Napi::Object operator()(const Text & e) const {
        auto object = make("text", e.id);
        object["text"] = e.text;
        return object;
    }
    Napi::Object operator()(const Done & e) const {
        auto object = make("done", e.id);
        auto tokens = Napi::Array::New(env, e.tokens.size());
        for (uint32_t i = 0; i < e.tokens.size(); ++i) tokens[i] = e.tokens[i];
        object["text"]         = e.text;
        object["tokens"]       = tokens;
        object["stopped"]      = Napi::Boolean::New(env, e.stopped);
        object["imageTokens"]  = double(e.image_tokens);
        object["promptTokens"] = double(e.prompt_tokens);
        object["timings"]      = timings_object(env, e.timings);
        object["beamScore"]    = e.beam_score;
        object["logprobs"]     = logprobs(e.logprobs);
        return object;
    }
    Napi::Object operator()(const Masks & e) const {
        auto object = make("masks", e.id);
        object["values"] = floats(env, e.values);
        return object;
    }
    Napi::Object operator()(const Encoded & e) const {
        auto object = make("encoded", e.id);
        object["features"] = floats(env, e.features);
        object["timings"]  = timings_object(env, e.timings);
        return object;
    }
    Napi::Object operator()(const Traced & e) const {
        auto object = make("traced", e.id);
        object["inputIds"]      = integers(env, e.ids);
        object["pixelValues"]   = floats(env, e.pixels);
        object["imageFeatures"] = floats(env, e.features);
        object["logits"]        = floats(env, e.logits);
        return object;
    }
    Napi::Object operator()(const TooLong & e) const {
        auto object = make("tooLong", e.id);
        object["tokens"] = double(e.tokens);
        object["limit"]  = double(e.limit);
        return object;
    }
    Napi::Object operator()(const Closed &) const { return make("closed"); }

    // One array a token: itself, then the most probable ones.
    Napi::Array logprobs(const std::vector<std::vector<Logprob>> & tokens) const {
        auto array = Napi::Array::New(env, tokens.size());
        for (uint32_t i = 0; i < tokens.size(); ++i) {
            auto entries = Napi::Array::New(env, tokens[i].size());
            for (uint32_t k = 0; k < tokens[i].size(); ++k) {
                auto entry = Napi::Object::New(env);
                entry["token"]   = tokens[i][k].token;
                entry["text"]    = tokens[i][k].text;
                entry["logprob"] = tokens[i][k].logprob;
                if (k == 0) entry["near"] = tokens[i][k].near;
                entries[k] = entry;
            }
            array[i] = entries;
        }
        return array;
    }
    static Napi::Object with_reason(Napi::Object object, const std::string & reason) {
        object["reason"] = reason;
        return object;
    }
};

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
            callback.Call({std::visit(EventToObject{env}, *event)});
        } catch (const Napi::Error &) {
            // The environment is being torn down and takes no more calls: lib/engine.ts itself throws nothing.
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

    // After `closed`: joins the thread and lets go of the callback, so that both sides can be collected.
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

Napi::Value bytes_array(Napi::Env env, const Pixels & values) {
    auto array = Napi::Uint8Array::New(env, values.size());
    std::copy(values.begin(), values.end(), array.Data());
    return array;
}

// A view of a caller's bytes for a worker. The array is held, not copied, as it may be large: lib/ hands over only arrays
// of its own, which nobody detaches or changes.
struct Held {
    std::shared_ptr<Napi::Reference<Napi::Uint8Array>> array;
    const uint8_t                                    * data;

    Held(const Napi::Value & value, size_t expected) {
        const auto source = value.As<Napi::Uint8Array>();
        if (source.ByteLength() != expected) throw Napi::RangeError::New(value.Env(), "expected " + std::to_string(expected) + " bytes");
        array = std::make_shared<Napi::Reference<Napi::Uint8Array>>(Napi::Persistent(source));
        data  = source.Data();
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
        [source](Napi::Env env, const Pixels & pixels) { return bytes_array(env, pixels); });
}

// toRgb(data: Uint8Array, pixels, layout): Promise<Uint8Array>
Napi::Value convert_to_rgb(const Napi::CallbackInfo & info) {
    const size_t pixels = size_argument(info[1]);
    const auto   name   = utf8(info[2]);
    const Layout layout = name == "grey" ? Layout::GREY : name == "grey16" ? Layout::GREY16 : name == "rgba" ? Layout::RGBA : Layout::CMYK;
    const Held source(info[0], pixels * bytes_per_pixel(layout));
    return PromiseWorker<Pixels>::start(
        info.Env(), [=, data = source.data] { return to_rgb(data, pixels, layout); },
        [source](Napi::Env env, const Pixels & rgb) { return bytes_array(env, rgb); });
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

struct GgufValueToJs {
    Napi::Env env;
    Napi::Value operator()(bool v) const { return Napi::Boolean::New(env, v); }
    Napi::Value operator()(double v) const { return Napi::Number::New(env, v); }
    Napi::Value operator()(const std::string & v) const { return Napi::String::New(env, v); }
    Napi::Value operator()(const GgufArray & v) const {
        auto array = Napi::Object::New(env);
        array["of"]     = v.type;
        array["length"] = double(v.length);
        if (!v.numbers.empty()) {
            auto numbers = Napi::Array::New(env, v.numbers.size());
            for (uint32_t i = 0; i < v.numbers.size(); ++i) numbers[i] = v.numbers[i];
            array["numbers"] = numbers;
        }
        return array;
    }
};

// readGgufHeader(path): Promise<{ fileSize, values: { [key]: value }, tensors: [{ name, type, shape, offset, size }] }>
Napi::Value read_header(const Napi::CallbackInfo & info) {
    const std::string path = info[0].As<Napi::String>();
    return PromiseWorker<GgufHeader>::start(
        info.Env(), [path] { return read_gguf_header(path); },
        [](Napi::Env env, const GgufHeader & header) {
            auto object = Napi::Object::New(env);
            auto values = Napi::Object::New(env);
            for (const auto & [key, value] : header.values) values[key] = std::visit(GgufValueToJs{env}, value);
            auto tensors = Napi::Array::New(env, header.tensors.size());
            for (uint32_t i = 0; i < header.tensors.size(); ++i) {
                const auto & from = header.tensors[i];
                auto tensor = Napi::Object::New(env);
                auto shape  = Napi::Array::New(env, from.shape.size());
                for (uint32_t d = 0; d < from.shape.size(); ++d) shape[d] = double(from.shape[d]);
                tensor["name"]   = from.name;
                tensor["type"]   = from.type;
                tensor["shape"]  = shape;
                tensor["offset"] = double(from.offset);
                tensor["size"]   = double(from.size);
                tensors[i] = tensor;
            }
            object["fileSize"] = double(header.file_size);
            object["values"]   = values;
            object["tensors"]  = tensors;
            return object;
        });
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

// ---- the surface

Napi::Object init(Napi::Env env, Napi::Object exports) {
    install_log();
    exports["Model"]          = ModelHandle::define(env);
    exports["resize"]         = Napi::Function::New(env, resize);
    exports["toRgb"]          = Napi::Function::New(env, convert_to_rgb);
    exports["resizeMask"]     = Napi::Function::New(env, resize_mask);
    exports["readGgufHeader"] = Napi::Function::New(env, read_header);
    exports["writeGguf"]      = Napi::Function::New(env, WriteWorker::start);
    return exports;
}

NODE_API_MODULE(paligemma, init)
