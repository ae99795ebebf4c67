#include "gguf/quantization.h"

#include <memory>
#include <stdexcept>

#include "base/log.h"
#include "ggml-cpp.h"
#include "llama-ext.h"
#include "llama.h"

namespace paligemma {
namespace {

struct FreeModel {
    void operator()(llama_model * model) const { llama_model_free(model); }
};
struct FreeState {
    void operator()(quantize_state_impl * state) const { llama_quant_free(state); }
};

} // namespace

std::vector<std::string> tensor_types(const TextShape & text, int file_type, const std::vector<TensorShape> & shapes) {
    LogCapture log; // fallbacks for odd widths are not worth a warning each
    auto params  = llama_model_quantize_default_params();
    params.ftype = llama_ftype(file_type);
    const ggml_type usual = llama_ftype_get_default_type(params.ftype);
    if (usual == GGML_TYPE_COUNT) throw std::runtime_error("unknown file type " + std::to_string(file_type));

    const llama_quant_model_desc desc = {text.architecture.c_str(), text.width, text.mlp_width, text.layers, text.heads,
                                         text.key_value_heads, /*n_expert*/ 0, text.head_size, text.head_size};
    const std::unique_ptr<llama_model, FreeModel> model(llama_quant_model_from_metadata(&desc));
    if (!model) throw std::runtime_error("unknown architecture " + text.architecture);
    const std::unique_ptr<quantize_state_impl, FreeState> state(llama_quant_init(model.get(), &params));

    const ggml_context_ptr context(ggml_init({ggml_tensor_overhead() * (shapes.size() + 1), nullptr, /*no_alloc*/ true}));
    std::vector<ggml_tensor *> tensors;
    for (const auto & shape : shapes) {
        tensors.push_back(ggml_new_tensor(context.get(), GGML_TYPE_F32, int(shape.shape.size()), shape.shape.data()));
        ggml_set_name(tensors.back(), shape.name.c_str());
    }
    std::vector<ggml_type> types(tensors.size());
    llama_quant_compute_types(state.get(), params.ftype, tensors.data(), types.data(), tensors.size());

    std::vector<std::string> names;
    for (ggml_type type : types) names.emplace_back(ggml_type_name(type));
    return names;
}

} // namespace paligemma
