#include "addon/js_gguf.h"

#include "addon/js_read.h"

namespace paligemma {
namespace {

Napi::Object object(const Napi::Value & value) {
    return value.As<Napi::Object>();
}

int64_t integer(const Napi::Value & value) {
    return value.As<Napi::Number>().Int64Value();
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

// [[size, stride], ...]
std::vector<Axis> axes(const Napi::Value & value) {
    return list<Axis>(value, [](const Napi::Value & axis) {
        const auto pair = axis.As<Napi::Array>();
        return Axis{integer(pair.Get(0u)), integer(pair.Get(1u))};
    });
}

MatrixView matrix_view(const Napi::Value & value) {
    const auto from = object(value);
    return {text(from, "path"), uint64_t(number(from, "offset")), type_from_name(text(from, "type")), axes(from.Get("rows")), axes(from.Get("columns"))};
}

GgufTensorPlan tensor_plan(const Napi::Value & value) {
    const auto from = object(value);
    auto low_rank = list<LowRank>(from.Get("lowRank"), [](const Napi::Value & entry) {
        const auto added = object(entry);
        return LowRank{matrix_view(added.Get("left")), matrix_view(added.Get("right")), float(number(added, "scale"))};
    });
    return {text(from, "name"), list<int64_t>(from.Get("shape"), integer), type_from_name(text(from, "type")),
            TensorSource{matrix_view(from.Get("values")), std::move(low_rank), float(number(from, "add"))}};
}

Napi::Object refusal_object(Napi::Env env, const Refusal & refusal) {
    auto object = Napi::Object::New(env);
    object["refused"] = refusal.kind == Refusal::UNSUPPORTED ? "unsupported" : "invalid";
    object["reason"]  = refusal.what();
    return object;
}

Napi::Value scalar(Napi::Env env, const GgufValue & value) {
    if (value.type == GGUF_TYPE_STRING) return Napi::String::New(env, value.text);
    if (value.type == GGUF_TYPE_BOOL) return Napi::Boolean::New(env, value.number != 0);
    return Napi::Number::New(env, value.number);
}

} // namespace

GgufPlan gguf_plan(const Napi::Object & from) {
    GgufPlan plan;
    plan.path    = text(from, "path");
    plan.threads = int(number(from, "threads"));
    for (const auto & entry : list<Napi::Object>(from.Get("values"), object)) {
        plan.values.emplace_back(text(entry, "key"), gguf_entry(entry));
    }
    plan.tensors = list<GgufTensorPlan>(from.Get("tensors"), tensor_plan);
    return plan;
}

TextShape text_shape(const Napi::Object & from) {
    const auto count = [&](const char * key) { return uint32_t(number(from, key)); };
    return {text(from, "architecture"), count("width"), count("mlpWidth"), count("layers"), count("heads"), count("keyValueHeads"), count("headSize")};
}

std::vector<TensorShape> tensor_shapes(const Napi::Value & from) {
    return list<TensorShape>(from, [](const Napi::Value & value) {
        return TensorShape{text(object(value), "name"), list<int64_t>(object(value).Get("shape"), integer)};
    });
}

std::vector<ExpectedTensor> expected_tensors(const Napi::Value & from) {
    return list<ExpectedTensor>(from, [](const Napi::Value & value) {
        const auto expected = object(value);
        auto shape = list<int64_t>(expected.Get("shape"), integer);
        return ExpectedTensor{text(expected, "gguf"), {shape.rbegin(), shape.rend()}, text(expected, "kind") == "matrix"};
    });
}

Napi::Object judged_object(Napi::Env env, const Judged<JudgedKeys> & judged) {
    if (const auto * refusal = std::get_if<Refusal>(&judged)) return refusal_object(env, *refusal);
    const auto & from = std::get<JudgedKeys>(judged);
    auto object = Napi::Object::New(env);
    auto values = Napi::Object::New(env);
    for (const auto & [key, value] : from.header.values) {
        if (value.type != GGUF_TYPE_ARRAY) values[key] = scalar(env, value);
    }
    object["values"]      = values;
    object["vocabulary"]  = double(from.vocabulary);
    object["maskDecoder"] = from.mask_decoder;
    return object;
}

Napi::Object judged_object(Napi::Env env, const Judged<JudgedTensors> & judged) {
    if (const auto * refusal = std::get_if<Refusal>(&judged)) return refusal_object(env, *refusal);
    const auto & from = std::get<JudgedTensors>(judged);
    auto object = Napi::Object::New(env);
    auto types  = Napi::Array::New(env, from.types.size());
    for (uint32_t i = 0; i < from.types.size(); ++i) {
        auto share = Napi::Object::New(env);
        share["type"]    = from.types[i].type;
        share["tensors"] = double(from.types[i].tensors);
        share["bytes"]   = double(from.types[i].bytes);
        types[i] = share;
    }
    object["bytes"] = double(from.file_size);
    object["types"] = types;
    return object;
}

} // namespace paligemma
