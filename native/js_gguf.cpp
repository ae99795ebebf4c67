#include "js_gguf.h"

#include "js_read.h"

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

Napi::Object header_object(Napi::Env env, const GgufHeader & header) {
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
}

} // namespace paligemma
