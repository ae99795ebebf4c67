// Requests as whoever follows the scheduler's decisions knows them.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "engine/scheduler.h"

using namespace paligemma;

using Kind = Scheduler::Kind;

inline uint32_t current_seed = 0;

inline void promise(bool held, const char * what, uint32_t id = 0) {
    if (held) return;
    std::fprintf(stderr, "scheduler-test: not so with seed %u, request %u: %s\n", current_seed, id, what);
    std::exit(1);
}

class Random {
public:
    explicit Random(uint32_t seed) : state_(seed) {}
    uint32_t below(uint32_t limit) { return uint32_t(state_() % limit); }
    bool     once_in(uint32_t times) { return below(times) == 0; }

private:
    std::mt19937 state_;
};

struct Counts {
    size_t asked = 0, answered = 0, aborted = 0, together = 0, held = 0, padded = 0, beside = 0;
};

// Where a request is.
enum class At { WAITING, ADMITTED, READ, SEEN, STARTED, PLACED, SEARCHING, MASKING, ENDED };

struct Request {
    Kind   kind;
    size_t image_tokens;
    size_t prefix_tokens;
    size_t steps; // that it needs in the end
    At     at    = At::WAITING;
    int    slot  = -1;
    size_t seen  = 0; // in this turn
    size_t until = 0; // in this turn at the latest it has ended
};

class Known {
protected:
    Known(const Scheduler::Limits & limits, bool holds, bool beside)
        : limits_(limits), scheduler_(limits), holds_(holds), beside_(beside),
          turns_beside_steps_(3 + (holds ? 2 * Scheduler::MOST_HELD : 0) + (beside ? MOST_LOOKED + 1 : 0)) {}

    static constexpr uint32_t MOST_STEPS = 40, MOST_LOOKED = 4;

    // Turns until all that came before have ended, were they to run one after another, and with them as many as there are slots that
    // came later and started together with one of them.
    size_t patience() const {
        size_t turns = limits_.slots * (MOST_STEPS + turns_beside_steps_);
        for (const auto & [id, request] : requests_) turns += request.at == At::ENDED ? 0 : request.steps + turns_beside_steps_;
        return turns;
    }

    Request & of(uint32_t id) {
        promise(requests_.count(id) == 1, "only what was asked is decided on", id);
        return requests_[id];
    }

    uint32_t owner(int slot) const {
        for (const auto & [id, request] : requests_) {
            if (request.slot == slot) return id;
        }
        return 0;
    }

    size_t free_slots() const {
        size_t used = 0, clean = 0;
        for (int slot = 0; slot < int(limits_.slots); ++slot) {
            used += owner(slot) != 0;
            clean += owner(slot) == 0 && soiled_.count(slot) == 0;
        }
        return std::min(clean, together_ > used ? together_ - used : 0);
    }

    bool searching() const {
        return std::any_of(requests_.begin(), requests_.end(), [](const auto & one) { return one.second.at == At::SEARCHING; });
    }

    static bool seen_before(const Request & a, uint32_t a_id, const Request & b, uint32_t b_id) {
        return a.seen < b.seen || (a.seen == b.seen && a_id < b_id);
    }

    const Scheduler::Limits     limits_;
    Scheduler                   scheduler_;
    const bool                  holds_;              // it may hold prefixes back
    const bool                  beside_;             // pictures are looked at beside the turns
    const size_t                turns_beside_steps_; // to be taken up, to be started, to end
    std::map<uint32_t, Request> requests_;
    std::set<int>               soiled_;
    size_t                      together_ = limits_.slots; // at most, as memory has allowed
    size_t                      turn_     = 0;
};
