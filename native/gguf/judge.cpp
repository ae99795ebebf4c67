#include "gguf/judge.h"

#include <algorithm>
#include <map>

#include "gguf/key_rules.h"
#include "gguf/refusal.h"
#include "gguf/vocabulary.h"

namespace paligemma {
namespace {

constexpr const char * MASK_DECODER = "mask."; // before the names of its tensors

// What attention over an image's tokens may take, and how many there may be.
constexpr double MOST_SCORE_BYTES  = 4.0 * (1 << 30);
constexpr double MOST_IMAGE_TOKENS = 8192;

GgufHeader open(const std::string & path) {
    try {
        return read_gguf_header(path);
    } catch (const std::exception & error) {
        throw Refusal(Refusal::INVALID, path + " is not a whole GGUF file: " + error.what());
    }
}

double number(const GgufHeader & header, const std::string & key) {
    return header.find(key)->number;
}

// Empty when it is not there, or no text.
std::string text(const GgufHeader & header, const std::string & key) {
    const GgufValue * value = header.find(key);
    return value ? value->text : "";
}

std::string whole(double value) {
    return std::to_string(int64_t(value));
}

void judge_text_sizes(const GgufHeader & header, const std::string & a) {
    const double heads = number(header, a + "attention.head_count"), shared = number(header, a + "attention.head_count_kv");
    const double size = number(header, a + "attention.key_length");
    if (number(header, a + "attention.value_length") != size) throw invalid(header.path, "its keys and values differ in size");
    const GgufValue * rotated = header.find(a + "rope.dimension_count");
    if (rotated && rotated->number != size) throw unsupported(header.path, "it rotates " + whole(rotated->number) + " of each head's " + whole(size) + " values");
    if (int64_t(size) % 2 != 0) throw invalid(header.path, "its heads have an odd size, " + whole(size));
    if (int64_t(heads) % int64_t(shared) != 0) throw invalid(header.path, whole(heads) + " heads cannot share " + whole(shared) + " key/value heads");
}

void judge_half(const GgufHeader & header, const std::string & key) {
    const auto values = read_numbers<float>(header, *header.find(key));
    const bool half = values.size() == 3 && std::all_of(values.begin(), values.end(), [](float value) { return value == 0.5f; });
    if (!half) throw unsupported(header.path, key + " is not 0.5, 0.5, 0.5");
}

void judge_vision_sizes(const GgufHeader & header) {
    const std::string v = "clip.vision.";
    const double image = number(header, v + "image_size"), patch = number(header, v + "patch_size");
    const double width = number(header, v + "embedding_length"), heads = number(header, v + "attention.head_count");
    if (int64_t(image) % int64_t(patch) != 0) throw invalid(header.path, whole(image) + " pixels are not a whole number of " + whole(patch) + " pixel patches");
    if (int64_t(width) % int64_t(heads) != 0) throw invalid(header.path, "a width of " + whole(width) + " does not divide into " + whole(heads) + " heads");
    const double tokens = (image / patch) * (image / patch);
    if (tokens > MOST_IMAGE_TOKENS || heads * tokens * tokens * sizeof(float) > MOST_SCORE_BYTES) {
        throw unsupported(header.path, "an image of " + whole(tokens) + " tokens and " + whole(heads) + " heads takes too much memory");
    }
    judge_half(header, v + "image_mean");
    judge_half(header, v + "image_std");
}

// Types that ggml's processor library multiplies with float32 and takes rows from. It says that it supports others too, and
// then reads outside memory.
bool is_multiplied(ggml_type type) {
    switch (type) {
        case GGML_TYPE_F32:
        case GGML_TYPE_F16:
        case GGML_TYPE_BF16:
        case GGML_TYPE_Q4_0:
        case GGML_TYPE_Q4_1:
        case GGML_TYPE_Q5_0:
        case GGML_TYPE_Q5_1:
        case GGML_TYPE_Q8_0:
        case GGML_TYPE_Q2_K:
        case GGML_TYPE_Q3_K:
        case GGML_TYPE_Q4_K:
        case GGML_TYPE_Q5_K:
        case GGML_TYPE_Q6_K:
        case GGML_TYPE_IQ1_S:
        case GGML_TYPE_IQ1_M:
        case GGML_TYPE_IQ2_XXS:
        case GGML_TYPE_IQ2_XS:
        case GGML_TYPE_IQ2_S:
        case GGML_TYPE_IQ3_XXS:
        case GGML_TYPE_IQ3_S:
        case GGML_TYPE_IQ4_NL:
        case GGML_TYPE_IQ4_XS: return true;
        default:               return false;
    }
}

// With the trailing dimensions of 1 that GGUF leaves out.
std::vector<int64_t> padded(std::vector<int64_t> shape) {
    shape.resize(GGML_MAX_DIMS, 1);
    return shape;
}

std::string show(std::vector<int64_t> shape) {
    while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
    std::string text;
    for (int64_t size : shape) text += (text.empty() ? "[" : ",") + std::to_string(size);
    return text + "]";
}

void judge_tensor(const std::string & path, const ExpectedTensor & expected, const GgufTensorInfo & found) {
    const std::string who = "tensor " + expected.name + " is ";
    if (padded(found.shape) != padded(expected.shape)) throw invalid(path, who + show(found.shape) + ", expected " + show(expected.shape));
    if (expected.matrix && !is_multiplied(found.type)) {
        throw unsupported(path, who + ggml_type_name(found.type) + ", expected f32, f16, bf16 or a quantised type from q2_K to q8_0");
    }
    if (!expected.matrix && found.type != GGML_TYPE_F32) throw invalid(path, who + ggml_type_name(found.type) + ", expected f32");
}

std::vector<TypeShare> shares(const std::vector<GgufTensorInfo> & tensors) {
    std::map<ggml_type, TypeShare> by_type;
    for (const auto & tensor : tensors) {
        TypeShare & share = by_type.try_emplace(tensor.type, TypeShare{ggml_type_name(tensor.type), 0, 0}).first->second;
        ++share.tensors;
        share.bytes += tensor.size;
    }
    std::vector<TypeShare> types;
    for (const auto & [type, share] : by_type) types.push_back(share);
    std::stable_sort(types.begin(), types.end(), [](const TypeShare & a, const TypeShare & b) { return a.bytes > b.bytes; });
    return types;
}

} // namespace

JudgedKeys judge_text(const std::string & path) {
    JudgedKeys judged{open(path), 0, false};
    const std::string architecture = text(judged.header, "general.architecture");
    if (architecture != "gemma" && architecture != "gemma2") {
        throw unsupported(path, "it holds a \"" + architecture + "\" model, not the Gemma of a PaliGemma");
    }
    judge_keys(judged.header, text_rules(architecture), {architecture + ".", "tokenizer.", "split."});
    judge_text_sizes(judged.header, architecture + ".");
    judged.vocabulary = judge_vocabulary(judged.header);
    const GgufValue * rows = judged.header.find(architecture + ".vocab_size");
    if (rows && rows->number != double(judged.vocabulary)) {
        throw invalid(path, architecture + ".vocab_size is " + whole(rows->number) + " for " + std::to_string(judged.vocabulary) + " tokens");
    }
    return judged;
}

JudgedKeys judge_vision(const std::string & path) {
    JudgedKeys judged{open(path), 0, false};
    const GgufHeader & header = judged.header;
    const std::string architecture = text(header, "general.architecture"), projector = text(header, "clip.projector_type");
    if (architecture != "clip") throw unsupported(path, "it holds a \"" + architecture + "\" model, not a vision tower");
    if (projector != "paligemma") {
        throw unsupported(path, "its projector is " + (projector.empty() ? "of no type" : '"' + projector + '"') +
                                    ", not \"paligemma\", which leaves open whether its features are in the scale of the checkpoint");
    }
    judge_keys(header, vision_rules(), {"clip.", "paligemma."});
    judge_vision_sizes(header);
    judged.mask_decoder = std::any_of(header.tensors.begin(), header.tensors.end(),
                                      [](const GgufTensorInfo & tensor) { return tensor.name.rfind(MASK_DECODER, 0) == 0; });
    return judged;
}

JudgedTensors judge_tensors(const std::string & path, const std::vector<ExpectedTensor> & expected) {
    const GgufHeader header = open(path);
    std::map<std::string, const GgufTensorInfo *> found;
    for (const auto & tensor : header.tensors) found.emplace(tensor.name, &tensor);
    for (const auto & tensor : expected) {
        const auto it = found.find(tensor.name);
        if (it == found.end()) throw invalid(path, "tensor " + tensor.name + " is missing");
        judge_tensor(path, tensor, *it->second);
        found.erase(it);
    }
    if (!found.empty()) throw invalid(path, "it has a tensor that PaliGemma does not: " + found.begin()->first);
    return {header.file_size, shares(header.tensors)};
}

} // namespace paligemma
