#include "model/features.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/failure.h"

namespace paligemma {
namespace {

constexpr size_t BLOCK_BYTES = 16 << 20; // about as large as a block is: asking a card for memory takes as long as a picture

} // namespace

struct FeaturePool::Block {
    ggml_context_ptr           context; // of the tensors, not of what they hold
    ggml_backend_buffer_ptr    buffer;
    std::vector<ggml_tensor *> free;
    size_t                     pictures;
};

struct FeaturePool::Blocks {
    std::mutex                          mutex;
    std::vector<std::unique_ptr<Block>> all;

    void give_back(Block * block, ggml_tensor * rows) {
        const std::lock_guard<std::mutex> lock(mutex);
        block->free.push_back(rows);
        if (block->free.size() < block->pictures) return;
        // Nobody uses it any more. One such block stays for those who come next.
        const auto spare = [](const auto & other) { return other->free.size() == other->pictures; };
        if (std::count_if(all.begin(), all.end(), spare) < 2) return;
        all.erase(std::find_if(all.begin(), all.end(), [block](const auto & other) { return other.get() == block; }));
    }
};

FeaturePool::FeaturePool(ggml_backend_buffer_type_t memory, int width, int tokens)
    : memory_(memory), width_(width), tokens_(tokens), blocks_(std::make_shared<Blocks>()) {}

std::shared_ptr<ImageFeatures> FeaturePool::take() {
    std::unique_lock<std::mutex> lock(blocks_->mutex);
    auto block = std::find_if(blocks_->all.begin(), blocks_->all.end(), [](const auto & one) { return !one->free.empty(); });
    if (block == blocks_->all.end()) {
        auto fresh = std::make_unique<Block>();
        fresh->pictures = std::max<size_t>(BLOCK_BYTES / (size_t(width_) * size_t(tokens_) * sizeof(float)), 1);
        fresh->context.reset(ggml_init({fresh->pictures * ggml_tensor_overhead(), nullptr, /*no_alloc*/ true}));
        for (size_t i = 0; i < fresh->pictures; ++i)
            fresh->free.push_back(ggml_new_tensor_2d(fresh->context.get(), GGML_TYPE_F32, width_, tokens_));
        fresh->buffer.reset(ggml_backend_alloc_ctx_tensors_from_buft(fresh->context.get(), memory_));
        if (!fresh->buffer) throw Failure(Cause::MEMORY, "not enough memory for image features");
        block = blocks_->all.insert(blocks_->all.end(), std::move(fresh));
    }
    Block * from = block->get();
    auto features = std::make_unique<ImageFeatures>(ImageFeatures{from->free.back(), false});
    from->free.pop_back();
    lock.unlock(); // should there be no memory for the owner, what is deleted then gives it back
    return {features.release(), [blocks = blocks_, from](ImageFeatures * done) {
        blocks->give_back(from, done->rows);
        delete done;
    }};
}

std::vector<float> ImageFeatures::values() const {
    std::vector<float> values(size_t(ggml_nelements(rows)));
    ggml_backend_tensor_get(rows, values.data(), 0, ggml_nbytes(rows));
    const float scale = std::sqrt(float(rows->ne[0]));
    for (float & value : values) value *= scale;
    return values;
}

} // namespace paligemma
