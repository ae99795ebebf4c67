#include "vision.h"

#include <algorithm>
#include <stdexcept>

#include "clip-impl.h"
#include "clip-model.h"
#include "clip.h"
#include "log.h"

namespace paligemma {
namespace {

float normalised(uint8_t value) {
    return float(value) / 127.5f - 1.0f;
}

clip_image_f32 to_clip(const Pixels & pixels, int size) {
    std::vector<float> values(pixels.size());
    std::transform(pixels.begin(), pixels.end(), values.begin(), normalised);
    clip_image_f32 image;
    image.set_size({size, size}, false, false);
    image.cpy_buf(values);
    return image;
}

} // namespace

std::vector<float> normalise(const Pixels & pixels) {
    const size_t area = pixels.size() / 3;
    std::vector<float> planes(pixels.size());
    for (size_t i = 0; i < area; ++i) {
        for (size_t c = 0; c < 3; ++c) planes[c * area + i] = normalised(pixels[i * 3 + c]);
    }
    return planes;
}

void Vision::Free::operator()(clip_ctx * ctx) const {
    clip_free(ctx);
}

Vision::Vision(const std::string & path, ggml_backend_dev_t card, size_t batch_tokens, Threads & threads)
    : threads_(threads.count()), batch_tokens_(batch_tokens) {
    clip_context_params params{};
    params.use_gpu         = card != nullptr;
    params.device          = card;
    params.flash_attn_type = card ? CLIP_FLASH_ATTN_TYPE_AUTO : CLIP_FLASH_ATTN_TYPE_DISABLED; // it rounds keys and values to float16
    params.image_min_tokens = -1;
    params.image_max_tokens = -1;
    params.warmup          = true; // plans the buffers now instead of at the first picture

    LogCapture log;
    clip_.reset(clip_init(path.c_str(), params).ctx_v);
    if (!clip_) throw std::runtime_error(log.text().empty() ? "the vision tower does not load" : log.text());
    ggml_backend_t backend = clip_get_backend_cpu(clip_.get());
    cpu_backend().set_threadpool(backend, threads.pool());
    cpu_backend().set_abort_callback(backend, Threads::interrupted, &threads);
}

int Vision::image_size() const {
    return clip_get_hparams(clip_.get())->image_size;
}

int Vision::tokens() const {
    const clip_hparams * hparams = clip_get_hparams(clip_.get());
    const int side = hparams->image_size / hparams->patch_size;
    return side * side;
}

int Vision::width() const {
    return clip_n_mmproj_embd(clip_.get());
}

std::vector<float> Vision::encode(const std::vector<const Pixels *> & images) {
    LogCapture log;
    const int size = image_size();
    const size_t per_image = size_t(tokens()) * width();

    std::vector<float> features;
    features.reserve(images.size() * per_image);
    const size_t at_once = std::max<size_t>(batch_tokens_ / size_t(tokens()), 1);
    for (size_t first = 0; first < images.size(); first += at_once) {
        clip_image_f32_batch batch;
        const size_t last = std::min(images.size(), first + at_once);
        for (size_t i = first; i < last; ++i) batch.entries.push_back(to_clip(*images[i], size));

        std::vector<float> out((last - first) * per_image);
        if (!clip_image_batch_encode(clip_.get(), threads_, &batch, out)) {
            throw std::runtime_error("encoding the image failed: " + log.text());
        }
        features.insert(features.end(), out.begin(), out.end());
    }
    return features;
}

} // namespace paligemma
