// Image features by image content: the same picture asked again skips the vision tower.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "model/features.h"
#include "model/vision.h"

namespace paligemma {

// Bounded in bytes; what was not asked for the longest time goes first. The engine's thread alone.
class FeatureCache {
public:
    explicit FeatureCache(size_t limit_bytes) : limit_(limit_bytes) {}

    // Null when the picture is not remembered.
    Features find(const Pixels & pixels);
    void     add(const Pixels & pixels, Features features);

private:
    struct Entry {
        uint64_t hash;
        Pixels   pixels; // compared whole: two pictures with one hash must not be taken for each other
        Features features;

        size_t bytes() const { return pixels.size() + ggml_nbytes(features->rows); }
    };
    using Entries = std::list<Entry>;

    Entries::iterator lookup(const Pixels & pixels, uint64_t hash);

    const size_t                                         limit_;
    size_t                                               bytes_ = 0;
    Entries                                              entries_; // the last asked first
    std::unordered_multimap<uint64_t, Entries::iterator> places_;
};

} // namespace paligemma
