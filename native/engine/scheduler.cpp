#include "engine/scheduler.h"

#include <algorithm>
#include <cmath>

namespace paligemma {
namespace {

template <typename Items> auto find(Items & items, uint32_t id) {
    return std::find_if(items.begin(), items.end(), [id](const auto & item) { return item.id == id; });
}

constexpr double LATELY        = 1.0 / 16; // weight of the last turn in what is said of them all
constexpr size_t MOST_PADDING  = 8;        // one part in so many of the tokens that are computed may stand for none

template <typename Items> void erase(Items & items, uint32_t id) {
    const auto found = find(items, id);
    if (found != items.end()) items.erase(found);
}

} // namespace

// ---- what has happened

void Scheduler::add(uint32_t id, Kind kind, size_t image_tokens) {
    waiting_.push_back({id, kind, image_tokens});
    ++turn_came_;
}

void Scheduler::read(uint32_t id, size_t prefix_tokens) {
    const auto item = find(taken_, id);
    if (item == taken_.end()) return;
    item->prefix_tokens = prefix_tokens;
    item->read          = true;
}

void Scheduler::seen(uint32_t id) {
    const auto item = find(taken_, id);
    if (item == taken_.end()) return;
    ready_.push_back(*item);
    taken_.erase(item);
}

void Scheduler::placed(uint32_t id) {
    if (const auto slot = slot_of(id)) slots_[size_t(*slot)]->running = true;
}

void Scheduler::answered(uint32_t id) {
    drop(id);
    together_ = std::min(together_ + 1, slots_.size());
}

void Scheduler::drop(uint32_t id) {
    erase(waiting_, id);
    erase(taken_, id);
    erase(ready_, id);
    if (const auto slot = slot_of(id)) slots_[size_t(*slot)].reset();
    if (search_ == id) search_.reset();
    masking_.erase(std::remove(masking_.begin(), masking_.end(), id), masking_.end());
}

void Scheduler::soil(uint32_t id) {
    if (const auto slot = slot_of(id)) soiled_.insert(*slot);
}

bool Scheduler::can_clear() const {
    return !soiled_.empty() && std::none_of(slots_.begin(), slots_.end(), [](const auto & slot) { return slot.has_value(); });
}

// ---- what comes next

void Scheduler::begin_turn() {
    turn_tokens_ = turn_next_slot_ = 0;
    coming_ += LATELY * (double(turn_came_) - coming_);
    turn_came_ = 0;
    ahead_     = waiting_for_slots() <= limits_.ahead / 2;
    taking_    = !looking_ && (waiting_.empty() || !better_later(waiting_.size(), costs_.vision + costs_.prefixes, held_waiting_));
    if (!looking_) held_waiting_ = taking_ ? 0 : held_waiting_ + 1;
}

size_t Scheduler::waiting_for_slots() const {
    // A beam search waits for the one before it, not for a slot, and takes no place of who could begin.
    return size_t(std::count_if(ready_.begin(), ready_.end(), [](const Item & item) { return item.kind != Kind::BEAMS; }));
}

// In the order in which they came, while there is room for each and a batch of pictures is not full.
std::optional<uint32_t> Scheduler::admit() {
    const size_t room = free_slots().size() + (ahead_ ? limits_.ahead : 0);
    if (!taking_ || waiting_.empty() || waiting_for_slots() + taken_.size() >= room || turn_tokens_ >= limits_.vision_tokens) return std::nullopt;
    const Item item = waiting_.front();
    waiting_.pop_front();
    turn_tokens_ += item.image_tokens;
    if (item.kind == Kind::MASKS) {
        masking_.push_back(item.id);
    } else {
        taken_.push_back(item);
    }
    return item.id;
}

std::vector<uint32_t> Scheduler::next_to_see() {
    std::vector<uint32_t> ids;
    if (looking_) return ids;
    for (const Item & item : taken_) {
        if (item.read) ids.push_back(item.id);
    }
    return ids;
}

// The one that waits longest, and others of about its length: llama.cpp computes sequences together that have as many tokens, so
// shorter ones are padded. A beam search goes alone, and one at a time: while one is under way, those behind it go on.
Scheduler::Start Scheduler::next_to_start() {
    Start start;
    const auto can_start = [this](const Item & item) { return item.kind != Kind::BEAMS || !search_; };
    const auto first     = std::find_if(ready_.begin(), ready_.end(), can_start);
    if (first == ready_.end()) return start;
    start.kind = first->kind;
    if (first->kind == Kind::BEAMS) {
        search_ = first->id;
        start.ids.push_back(first->id);
        ready_.erase(first);
        return start;
    }
    const std::vector<int> free = free_slots();
    std::vector<uint32_t>  ids;
    size_t longest = 0, tokens = 0;
    bool   full    = false;
    for (auto item = first; item != ready_.end() && ids.size() < free.size(); ++item) {
        if (item->kind != start.kind) continue;
        const size_t length = std::max(longest, item->prefix_tokens), all = length * (ids.size() + 1), real = tokens + item->prefix_tokens;
        if (!ids.empty() && all > limits_.batch_tokens) full = true;
        if (!ids.empty() && (all > limits_.batch_tokens || (all - real) * MOST_PADDING > all)) continue;
        longest = length;
        tokens  = real;
        ids.push_back(item->id);
    }
    if (ids.empty()) return start;
    if (!full && better_later(ids.size(), costs_.prefixes, held_ready_)) {
        ++held_ready_;
        return start;
    }
    held_ready_  = 0;
    start.tokens = longest;
    for (uint32_t id : ids) {
        const int slot = free[start.ids.size()];
        slots_[size_t(slot)] = Slot{id, /*running*/ false};
        start.ids.push_back(id);
        start.slots.push_back(slot);
        erase(ready_, id);
    }
    return start;
}

size_t Scheduler::running() const {
    return size_t(std::count_if(slots_.begin(), slots_.end(), [](const auto & slot) { return slot && slot->running; }));
}

// Whether it pays to wait for more. When `coming` requests a turn come and none of them begins, there are n of them after n / coming
// turns; meanwhile they have stood still for n^2 / (2 coming) turns in all, each of which costs their share of a step. Together they
// pay the fixed cost once. For each of them the sum is least at n = sqrt(2 * coming * in flight * cost / step).
bool Scheduler::better_later(size_t count, double cost, size_t held) const {
    const size_t runs = running();
    if (runs == 0 || held >= MOST_HELD || costs_.step <= 0) return false;
    const double in_flight = double(std::min(runs + waiting_for_slots() + waiting_.size(), slots_.size()));
    return double(count) < std::sqrt(2 * coming_ * in_flight * cost / costs_.step);
}

std::vector<uint32_t> Scheduler::next_to_step() {
    std::vector<uint32_t> ids;
    for (; turn_next_slot_ < slots_.size() && ids.size() < together_; ++turn_next_slot_) {
        const auto & slot = slots_[turn_next_slot_];
        if (slot && slot->running) ids.push_back(slot->id);
    }
    return ids;
}

std::optional<uint32_t> Scheduler::next_masks() const {
    return masking_.empty() ? std::nullopt : std::optional(masking_.front());
}

std::optional<int> Scheduler::slot_of(uint32_t id) const {
    for (size_t i = 0; i < slots_.size(); ++i) {
        if (slots_[i] && slots_[i]->id == id) return int(i);
    }
    return std::nullopt;
}

std::vector<uint32_t> Scheduler::admitted() const {
    std::vector<uint32_t> ids(masking_.begin(), masking_.end());
    for (const Item & item : taken_) ids.push_back(item.id);
    for (const Item & item : ready_) ids.push_back(item.id);
    for (const auto & slot : slots_) {
        if (slot) ids.push_back(slot->id);
    }
    if (search_) ids.push_back(*search_);
    return ids;
}

bool Scheduler::has_work() const {
    if (!looking_) return !idle();
    const bool slots = std::any_of(slots_.begin(), slots_.end(), [](const auto & slot) { return slot.has_value(); });
    return slots || !ready_.empty() || search_ || !masking_.empty();
}

std::vector<int> Scheduler::free_slots() const {
    const size_t taken = size_t(std::count_if(slots_.begin(), slots_.end(), [](const auto & slot) { return slot.has_value(); }));
    std::vector<int> free;
    for (size_t i = 0; i < slots_.size() && taken + free.size() < together_; ++i) {
        if (!slots_[i] && soiled_.count(int(i)) == 0) free.push_back(int(i));
    }
    return free;
}

} // namespace paligemma
