#include "addon/js_values.h"

#include <algorithm>

#include "addon/js_read.h"

namespace paligemma {

namespace {

// Of a picture that JavaScript needs no more: frees its memory now instead of when V8 collects it, as there are many of them.
Pixels bytes(const Napi::Value & value) {
    const auto array = value.As<Napi::Uint8Array>();
    Pixels pixels(array.Data(), array.Data() + array.ByteLength());
    Napi::ArrayBuffer buffer = array.ArrayBuffer();
    if (buffer.ByteLength() == array.ByteLength()) buffer.Detach(); // else a part of somebody else's
    return pixels;
}

MaskCodes mask_codes(const Napi::Value & value) {
    MaskCodes codes{};
    const auto array = value.As<Napi::Array>();
    for (uint32_t i = 0; i < codes.size(); ++i) codes[i] = Napi::Value(array[i]).As<Napi::Number>().Int32Value();
    return codes;
}

Choice choice(const Napi::Object & from) {
    const int beams = int(number(from, "numBeams"));
    if (beams > 1) return Beams{beams, float(number(from, "lengthPenalty"))};
    std::optional<int> logprobs;
    if (from.Has("logprobs")) logprobs = int(number(from, "logprobs"));
    if (from.Has("forced")) return Forced{text(from, "forced"), logprobs};

    Sampled sampled;
    sampled.temperature = float(number(from, "temperature"));
    sampled.top_k       = int(number(from, "topK"));
    sampled.top_p       = float(number(from, "topP"));
    sampled.seed        = uint32_t(number(from, "seed"));
    sampled.logprobs    = logprobs;
    if (from.Has("constraint")) {
        const auto constraint = from.Get("constraint").As<Napi::Object>();
        sampled.labels        = Labels{list<std::string>(constraint.Get("labels"), utf8), flag(constraint, "segment")};
    }
    const bool needs_logits = sampled.temperature > 0.0f || sampled.labels || sampled.logprobs;
    return needs_logits ? Choice(std::move(sampled)) : MostProbable{};
}

void read_generate(const Napi::Object & from, Request & request) {
    request.choice     = choice(from);
    request.max_tokens = int(number(from, "maxTokens"));
    request.with_marks = flag(from, "locations");
    request.stream     = flag(from, "stream");
    request.stops      = list<std::string>(from.Get("stop"), utf8);
}

} // namespace

EngineOptions engine_options(const Napi::Object & from) {
    EngineOptions options;
    options.text_path             = text(from, "textPath");
    options.vision_path           = text(from, "visionPath");
    options.threads               = int(number(from, "threads"));
    options.context.tokens        = int(number(from, "contextTokens"));
    options.context.max_sequences = int(number(from, "maxSequences"));
    options.context.float32_cache = text(from, "cacheType") == "f32";
    options.context.batch         = int(number(from, "batchTokens"));
    options.vision_batch_tokens   = size_t(number(from, "visionBatchTokens"));
    options.device                = text(from, "device");
    options.image_token           = llama_token(number(from, "imageToken"));
    options.feature_cache_bytes   = size_t(number(from, "featureCacheBytes"));
    options.map_weights           = flag(from, "mapWeights");
    return options;
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

Napi::Float32Array floats(Napi::Env env, const std::vector<float> & values) {
    auto array = Napi::Float32Array::New(env, values.size());
    std::copy(values.begin(), values.end(), array.Data());
    return array;
}

Napi::Uint8Array bytes_array(Napi::Env env, const Pixels & values) {
    auto array = Napi::Uint8Array::New(env, values.size());
    std::copy(values.begin(), values.end(), array.Data());
    return array;
}

namespace {

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
    Napi::Object operator()(const Failed & e) const {
        auto object = with_reason(make("failed", e.id), e.reason);
        object["cause"] = e.cause == Cause::MEMORY ? "memory" : e.cause == Cause::NUMBERS ? "numbers" : "computing";
        return object;
    }
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
        object["rememberedImages"] = double(e.remembered_images);
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

} // namespace

Napi::Object device_object(Napi::Env env, const Device & device) {
    auto object = Napi::Object::New(env);
    object["backend"]     = device.backend;
    object["index"]       = device.index;
    object["name"]        = device.name;
    object["description"] = device.description;
    object["freeBytes"]   = double(device.free_bytes);
    object["totalBytes"]  = double(device.total_bytes);
    return object;
}

Napi::Object event_object(Napi::Env env, const Event & event) {
    return std::visit(EventToObject{env}, event);
}

} // namespace paligemma
