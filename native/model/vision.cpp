#include "model/vision.h"

#include <algorithm>
#include <stdexcept>

#include "base/failure.h"
#include "base/faults.h"
#include "base/log.h"
#include "clip-impl.h"
#include "clip-model.h"
#include "clip.h"

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
    : threads_(threads) {
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
    at_once_ = most_at_once_ = std::max<size_t>(batch_tokens / size_t(tokens()), 1);
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
    std::vector<float> features;
    for (size_t first = 0; first < images.size();) {
        const size_t count = std::min(at_once_, images.size() - first);
        try {
            const auto out = encode_together(&images[first], count);
            features.insert(features.end(), out.begin(), out.end());
            first += count;
            if (count == at_once_) at_once_ = std::min(at_once_ + 1, most_at_once_); // there may be memory again
        } catch (const std::exception & error) {
            if (count == 1 || cause_of(error) != Cause::MEMORY || Threads::interrupted(&threads_)) throw;
            at_once_ = count / 2;
        }
    }
    return features;
}

std::vector<float> Vision::encode_together(const Pixels * const * images, size_t count) {
    fail_on_purpose("encode");
    LogCapture log;
    clip_image_f32_batch batch;
    for (size_t i = 0; i < count; ++i) batch.entries.push_back(to_clip(*images[i], image_size()));
    std::vector<float> features(count * size_t(tokens()) * size_t(width()));
    if (clip_image_batch_encode(clip_.get(), threads_.count(), &batch, features)) return features;
    // clip gives reasons in words only: that the graph finds no room, or the status of a computation that found none.
    const std::string reason = log.text();
    const bool memory = reason.find("alloc") != std::string::npos || reason.find("error " + std::to_string(GGML_STATUS_ALLOC_FAILED)) != std::string::npos;
    throw Failure(memory ? Cause::MEMORY : Cause::COMPUTING, "encoding the image failed: " + reason);
}

} // namespace paligemma
