#include "model/mask_decoder.h"

#include <algorithm>
#include <stdexcept>

#include "base/failure.h"
#include "base/faults.h"
#include "ggml-alloc.h"
#include "gguf/header.h"

namespace paligemma {
namespace {

constexpr const char * PREFIX = "mask."; // before the names of the .npz

struct Ops {
    ggml_context * graph;

    ggml_tensor * bias(ggml_tensor * x, ggml_tensor * b) const { return ggml_add(graph, x, ggml_reshape_4d(graph, b, 1, 1, b->ne[0], 1)); }

    // [W, H, in] -> [W, H, out], the size kept
    ggml_tensor * conv(ggml_tensor * x, ggml_tensor * w, ggml_tensor * b) const {
        const int pad = int(w->ne[0]) / 2;
        return bias(ggml_conv_2d(graph, w, x, 1, 1, pad, pad, 1, 1), b);
    }

    // [W, H, in] -> [2 W, 2 H, out]: kernel 4, stride 2, padding 1. ggml's has no padding, so its rim is cut off.
    ggml_tensor * up(ggml_tensor * x, ggml_tensor * w, ggml_tensor * b) const {
        ggml_tensor * y = ggml_conv_transpose_2d_p0(graph, w, x, 2);
        y = ggml_view_3d(graph, y, y->ne[0] - 2, y->ne[1] - 2, y->ne[2], y->nb[1], y->nb[2], y->nb[0] + y->nb[1]);
        return bias(ggml_cont(graph, y), b);
    }

    ggml_tensor * relu(ggml_tensor * x) const { return ggml_relu(graph, x); }
};

} // namespace

MaskDecoder::MaskDecoder(Threads & threads) : backend_(ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_CPU, nullptr)) {
    cpu_backend().set_n_threads(backend_.get(), threads.count());
    cpu_backend().set_threadpool(backend_.get(), threads.pool());
}

std::unique_ptr<MaskDecoder> MaskDecoder::load(const std::string & path, Threads & threads) {
    const GgufHeader header = read_gguf_header(path);
    std::vector<const GgufTensorInfo *> ours;
    for (const auto & tensor : header.tensors) {
        if (tensor.name.rfind(PREFIX, 0) == 0) ours.push_back(&tensor);
    }
    if (ours.empty()) return nullptr;

    std::unique_ptr<MaskDecoder> decoder(new MaskDecoder(threads));
    decoder->weights_.reset(ggml_init({ggml_tensor_overhead() * (ours.size() + 1), nullptr, /*no_alloc*/ true}));
    for (const auto * info : ours) {
        ggml_set_name(ggml_new_tensor(decoder->weights_.get(), GGML_TYPE_F32, int(info->shape.size()), info->shape.data()), info->name.c_str());
    }
    decoder->buffer_.reset(ggml_backend_alloc_ctx_tensors(decoder->weights_.get(), decoder->backend_.get()));
    if (!decoder->buffer_) throw std::runtime_error("not enough memory for the mask decoder");
    for (const auto * info : ours) {
        const auto bytes = read_bytes(path, info->offset, info->size);
        ggml_backend_tensor_set(ggml_get_tensor(decoder->weights_.get(), info->name.c_str()), bytes.data(), 0, bytes.size());
    }
    return decoder;
}

ggml_tensor * MaskDecoder::weight(const std::string & name) const {
    return ggml_get_tensor(weights_.get(), (PREFIX + name).c_str());
}

// One mask: GGUF drops trailing dimensions of 1, which ggml's shapes have anyway.
ggml_tensor * MaskDecoder::build(ggml_context * graph, ggml_tensor * codes) const {
    const Ops ops{graph};
    const auto w = [&](const std::string & name) { return weight(name + ".weight"); };
    const auto b = [&](const std::string & name) { return weight(name + ".bias"); };

    ggml_tensor * codebook = weight("_vq_vae._embedding"); // [512, 128]
    ggml_tensor * x = ggml_get_rows(graph, codebook, codes);
    x = ggml_reshape_3d(graph, x, codebook->ne[0], 4, 4);
    x = ggml_cont(graph, ggml_permute(graph, x, 2, 0, 1, 3)); // channels last -> [4, 4, channels]

    x = ops.relu(ops.conv(x, w("decoder.0"), b("decoder.0")));
    for (const std::string block : {"decoder.2.net", "decoder.3.net"}) {
        ggml_tensor * y = ops.relu(ops.conv(x, w(block + ".0"), b(block + ".0")));
        y = ops.relu(ops.conv(y, w(block + ".2"), b(block + ".2")));
        x = ggml_add(graph, x, ops.conv(y, w(block + ".4"), b(block + ".4")));
    }
    for (const std::string layer : {"decoder.4", "decoder.6", "decoder.8", "decoder.10"}) x = ops.relu(ops.up(x, w(layer), b(layer)));
    return ops.conv(x, w("decoder.12"), b("decoder.12"));
}

void MaskDecoder::decode(const MaskCodes & codes, float * values) {
    fail_on_purpose("masks");
    constexpr size_t NODES = 128;
    ggml_context_ptr graph(ggml_init({ggml_tensor_overhead() * NODES + ggml_graph_overhead(), nullptr, /*no_alloc*/ true}));
    ggml_tensor * input = ggml_new_tensor_1d(graph.get(), GGML_TYPE_I32, int64_t(codes.size()));
    ggml_set_input(input);
    ggml_tensor * out = build(graph.get(), input);
    ggml_set_output(out);
    ggml_cgraph * plan = ggml_new_graph(graph.get());
    ggml_build_forward_expand(plan, out);
    ggml_gallocr_ptr memory(ggml_gallocr_new(ggml_backend_get_default_buffer_type(backend_.get())));
    if (!ggml_gallocr_alloc_graph(memory.get(), plan)) throw Failure(Cause::MEMORY, "not enough memory to decode a mask");

    ggml_backend_tensor_set(input, codes.data(), 0, sizeof(MaskCodes));
    if (ggml_backend_graph_compute(backend_.get(), plan) != GGML_STATUS_SUCCESS) throw Failure(Cause::COMPUTING, "decoding a mask failed");
    ggml_backend_tensor_get(out, values, 0, SIZE * SIZE * sizeof(float));
    check_numbers(all_finite(values, SIZE * SIZE), "the values of a mask");
}

} // namespace paligemma
