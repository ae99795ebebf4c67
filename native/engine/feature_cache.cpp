#include "engine/feature_cache.h"

#include <algorithm>
#include <cstring>

namespace paligemma {
namespace {

// FNV-1a over words of eight bytes: fast, and wrong guesses cost no more than a comparison.
uint64_t hash_of(const Pixels & pixels) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < pixels.size(); i += sizeof(uint64_t)) {
        uint64_t word = 0;
        std::memcpy(&word, pixels.data() + i, std::min(sizeof(word), pixels.size() - i));
        hash = (hash ^ word) * 0x100000001b3u;
        hash ^= hash >> 32;
    }
    return hash;
}

} // namespace

FeatureCache::Entries::iterator FeatureCache::lookup(const Pixels & pixels, uint64_t hash) {
    const auto [first, last] = places_.equal_range(hash);
    const auto found = std::find_if(first, last, [&](const auto & place) { return place.second->pixels == pixels; });
    return found == last ? entries_.end() : found->second;
}

Features FeatureCache::find(const Pixels & pixels) {
    if (limit_ == 0) return nullptr;
    const auto entry = lookup(pixels, hash_of(pixels));
    if (entry == entries_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->features;
}

void FeatureCache::add(const Pixels & pixels, Features features) {
    if (limit_ == 0) return;
    Entry entry{hash_of(pixels), pixels, std::move(features)};
    if (entry.bytes() > limit_ || lookup(pixels, entry.hash) != entries_.end()) return;
    bytes_ += entry.bytes();
    entries_.push_front(std::move(entry));
    places_.emplace(entries_.front().hash, entries_.begin());
    while (bytes_ > limit_) {
        const auto oldest = std::prev(entries_.end());
        const auto [first, last] = places_.equal_range(oldest->hash);
        places_.erase(std::find_if(first, last, [&](const auto & place) { return place.second == oldest; }));
        bytes_ -= oldest->bytes();
        entries_.erase(oldest);
    }
}

} // namespace paligemma
