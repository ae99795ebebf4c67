#include "model/vision.h"

#include <algorithm>
#include <cmath>
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

// A block of q8_0, which every backend widens: whole numbers of eight bits and what they are multiplied with.
struct Block {
    static constexpr size_t SIZE = 32;
    uint16_t scale;
    int8_t   values[SIZE];
};
static_assert(sizeof(Block) == 34, "as ggml lays it out");
constexpr uint16_t ONE = 0x3C00; // in float16

ggml_backend_buffer_ptr staging(ggml_backend_dev_t card, size_t bytes) {
    ggml_backend_buffer_type_t locked = card ? ggml_backend_dev_host_buffer_type(card) : nullptr;
    if (auto * buffer = locked ? ggml_backend_buft_alloc_buffer(locked, bytes) : nullptr) return ggml_backend_buffer_ptr(buffer);
    ggml_backend_dev_t processor = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    return ggml_backend_buffer_ptr(ggml_backend_buft_alloc_buffer(ggml_backend_dev_buffer_type(processor), bytes));
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
    const size_t bytes = at_once_ * 3 * size_t(image_size()) * size_t(image_size());
    staged_ = staging(card, (bytes / Block::SIZE + 1) * sizeof(Block));
    if (!staged_) throw Failure(Cause::MEMORY, "not enough memory for pictures");
    ggml_backend_dev_t device = card ? card : ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    pool_.emplace(ggml_backend_dev_buffer_type(device), width(), tokens());
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

std::vector<Features> Vision::encode(const std::vector<const Pixels *> & images) {
    std::vector<Features> features;
    for (size_t first = 0; first < images.size();) {
        const size_t count = std::min(at_once_, images.size() - first);
        try {
            for (Features & one : encode_together(&images[first], count)) features.push_back(std::move(one));
            first += count;
            if (count == at_once_) at_once_ = std::min(at_once_ + 1, most_at_once_); // there may be memory again
        } catch (const std::exception & error) {
            if (count == 1 || cause_of(error) != Cause::MEMORY || Threads::interrupted(&threads_)) throw;
            at_once_ = count / 2;
        }
    }
    return features;
}

// As clip_encode_params::rgb wants them.
const void * Vision::bytes_of(const Pixels * const * images, size_t count) {
    Block * blocks = static_cast<Block *>(ggml_backend_buffer_get_base(staged_.get()));
    size_t at = 0;
    for (size_t i = 0; i < count; ++i) {
        const uint8_t * from = images[i]->data();
        for (const uint8_t * end = from + images[i]->size(); from < end;) {
            Block & block = blocks[at / Block::SIZE];
            const size_t first = at % Block::SIZE, part = std::min(Block::SIZE - first, size_t(end - from));
            block.scale = ONE;
            for (size_t k = 0; k < part; ++k) block.values[first + k] = int8_t(from[k] ^ 0x80); // less 128
            from += part;
            at += part;
        }
    }
    return blocks;
}

std::vector<Features> Vision::encode_together(const Pixels * const * images, size_t count) {
    fail_on_purpose("encode");
    LogCapture log;
    const int size = image_size();
    clip_image_f32_batch batch;
    batch.entries.resize(count);
    for (auto & entry : batch.entries) entry.set_size({size, size}, /*is_placeholder*/ true, /*is_audio*/ false);
    std::vector<std::shared_ptr<ImageFeatures>> features;
    for (size_t i = 0; i < count; ++i) features.push_back(pool_->take());

    clip_encode_params params;
    params.n_threads = threads_.count();
    params.imgs      = &batch;
    params.rgb       = bytes_of(images, count);
    // The graph is computed, as clip waits for it, and copies between tensors are done when they return: another thread, whose stream of
    // the card knows nothing of this one, may read what it finds then.
    params.take_embd = [&](const ggml_tensor * all, const std::vector<float> & finite) {
        for (size_t i = 0; i < count; ++i) {
            ggml_tensor one = *all; // the i-th of them
            one.ne[2] = 1;
            one.nb[3] = one.nb[2];
            one.data  = static_cast<char *>(all->data) + i * all->nb[2];
            ggml_backend_tensor_copy(&one, features[i]->rows);
            features[i]->finite = std::isfinite(finite[i]);
        }
    };
    if (clip_encode(clip_.get(), &params)) return {features.begin(), features.end()};
    // clip gives reasons in words only: that the graph finds no room, or the status of a computation that found none.
    const std::string reason = log.text();
    const bool memory = reason.find("alloc") != std::string::npos || reason.find("error " + std::to_string(GGML_STATUS_ALLOC_FAILED)) != std::string::npos;
    throw Failure(memory ? Cause::MEMORY : Cause::COMPUTING, "encoding the image failed: " + reason);
}

} // namespace paligemma
