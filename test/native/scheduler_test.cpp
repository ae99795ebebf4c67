// What the scheduler promises, tried on random sequences of events. No model, no thread: a seed is the same run everywhere.
//
//   scheduler-test [RUNS = 2000] [SEED = 1]
//
// Exit status 1 at the first promise that does not hold; the line names the run's seed, which as SEED with RUNS 1 shows it again.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>

#include "scheduler_known.h"

namespace {

// Does what the scheduler decides, as a runner does, with chance in place of computations, and compares each decision with what
// was promised.
class World : Known {
public:
    World(Random random, Counts & counts)
        : Known({1 + random.below(6), 1 + random.below(1000), 1 + random.below(60), random.once_in(2) ? 0 : random.below(10)}, random.once_in(2),
                random.once_in(2)),
          random_(random), counts_(counts), failures_(random_.once_in(2)), aborts_(random_.once_in(2)) {
        if (holds_) scheduler_.costs({double(random_.below(20)), double(random_.below(20)), 1 + double(random_.below(5))});
    }

    void run() {
        const uint32_t busy = random_.below(60);
        for (uint32_t i = 0; i < busy; ++i) {
            for (uint32_t n = random_.below(5); n > 0; --n) ask();
            turn();
        }
        while (!scheduler_.idle()) turn();
        for (const auto & [id, request] : requests_) promise(request.at == At::ENDED, "who has not ended is not forgotten", id);
        promise(scheduler_.admitted().empty(), "nothing is left when all have ended");
        promise(!scheduler_.next_search() && !scheduler_.next_masks(), "nothing goes on when all have ended");
        for (int slot = 0; slot < int(limits_.slots); ++slot) promise(owner(slot) == 0, "a slot is free when all have ended");
    }

private:
    void ask() {
        const uint32_t id = uint32_t(requests_.size()) + 1;
        Request request{};
        const uint32_t kind   = random_.below(10);
        request.kind          = kind < 6 ? Kind::SEQUENCE : kind < 8 ? Kind::BEAMS : kind < 9 ? Kind::FEATURES : Kind::MASKS;
        request.image_tokens  = request.kind == Kind::MASKS ? 0 : random_.below(4) * 64;
        request.prefix_tokens = 4 + random_.below(3) * 8 + (random_.once_in(3) ? random_.below(3) : 0);
        request.steps         = 1 + random_.below(random_.once_in(8) ? MOST_STEPS : 6);
        request.until         = turn_ + patience() + request.steps + turns_beside_steps_;
        requests_[id]         = request;
        scheduler_.add(id, request.kind, request.image_tokens);
        ++counts_.asked;
    }

    void turn() {
        ++turn_;
        take_seen();
        ran_ = std::any_of(requests_.begin(), requests_.end(), [](const auto & one) { return one.second.at == At::PLACED; });
        scheduler_.begin_turn();
        for (uint32_t id : left_) end(id, false);
        left_.clear();
        if (aborts_) abort_some();
        if (scheduler_.can_clear()) {
            for (const auto & [id, request] : requests_) promise(request.slot < 0, "cells are cleared when no sequence uses them", id);
            scheduler_.cleared();
            soiled_.clear();
        }
        admit();
        see();
        start();
        step();
        search();
        masks();
        look();
    }

    // ---- the parts of a turn

    void admit() {
        size_t taken = 0, tokens = 0;
        for (const auto & [id, request] : requests_) taken += (request.at == At::SEEN && request.kind != Kind::BEAMS);
        while (const auto id = scheduler_.admit()) {
            Request & request = of(*id);
            promise(request.at == At::WAITING, "a request is admitted once", *id);
            promise(looked_.empty(), "nobody is taken up while pictures are looked at", *id);
            for (const auto & [other, waiting] : requests_) {
                promise(waiting.at != At::WAITING || other >= *id, "who comes first is admitted first", other);
            }
            promise(taken < free_slots() + limits_.ahead, "no more are admitted than there is room for", *id);
            promise(tokens < limits_.vision_tokens, "no more pictures are taken up than a batch holds", *id);
            tokens += request.image_tokens;
            taken += request.kind != Kind::MASKS;
            request.at = request.kind == Kind::MASKS ? At::MASKING : At::ADMITTED;
            if (random_.once_in(30)) {
                taken -= request.kind != Kind::MASKS;
                end(*id, random_.once_in(2)); // a prompt that is too long, or that fails
            } else if (request.kind != Kind::MASKS && !leaves(*id)) {
                request.at = At::READ;
                scheduler_.read(*id, request.kind == Kind::FEATURES ? 0 : request.prefix_tokens);
            }
            if (random_.once_in(8)) ask(); // who comes meanwhile
        }
        const bool room = looked_.empty() && taken < free_slots() && tokens < limits_.vision_tokens;
        bool waits = false;
        for (const auto & [id, request] : requests_) {
            promise(request.at != At::WAITING || !room || holds_, "nobody waits for whom there is room", id);
            waits |= request.at == At::WAITING && room;
        }
        if (!looked_.empty()) return;
        if (!waits) return void(held_waiting_ = 0);
        promise(ran_ && ++held_waiting_ <= Scheduler::MOST_HELD + 1, "who can be taken up is held back for a while, and while others run");
        ++counts_.held;
    }

    void see() {
        const auto ids = scheduler_.next_to_see();
        if (!looked_.empty()) return promise(ids.empty(), "one batch of pictures at a time");
        size_t     read = 0;
        for (const auto & [id, request] : requests_) read += request.at == At::READ;
        promise(ids.size() == read, "all that have been read are seen in the same turn");
        for (uint32_t id : ids) promise(of(id).at == At::READ, "what is seen has been read and not been seen before", id);
        in_order(ids);
        if (!beside_ || ids.empty() || random_.once_in(4)) return seen(ids);
        scheduler_.looking(true);
        looked_ = ids;
        looked_until_ = turn_ + 1 + random_.below(MOST_LOOKED);
        ++counts_.beside;
    }

    // Pictures that were looked at beside the turns, of those who are still there. Some turns later, or as soon as there is nothing else.
    void take_seen() {
        if (looked_.empty() || (turn_ < looked_until_ && scheduler_.has_work())) return;
        scheduler_.looking(false);
        std::vector<uint32_t> ids;
        for (uint32_t id : std::exchange(looked_, {})) {
            if (of(id).at == At::READ) ids.push_back(id);
        }
        seen(ids);
    }

    void seen(const std::vector<uint32_t> & ids) {
        if (fails(ids)) return;
        for (uint32_t id : ids) {
            if (random_.once_in(40)) {
                end(id, false);
            } else if (leaves(id)) {
                continue;
            } else if (of(id).kind == Kind::FEATURES) {
                end(id, true);
            } else {
                of(id).at   = At::SEEN;
                of(id).seen = turn_;
                scheduler_.seen(id);
            }
        }
    }

    void start() {
        const size_t free = free_slots();
        const auto   next = scheduler_.next_to_start();
        if (next.ids.empty()) {
            bool waits = false, runs = false;
            for (const auto & [id, request] : requests_) {
                const bool could = request.at == At::SEEN && free > 0 && (request.kind != Kind::BEAMS || !searching());
                promise(!could || holds_, "nobody waits who can start", id);
                waits |= could;
                runs |= request.at == At::PLACED;
            }
            if (waits) promise(runs && ++held_ <= Scheduler::MOST_HELD, "who can start is held back for a while, and while others run");
            counts_.held += waits;
            return;
        }
        held_ = 0;
        const Request & first = of(next.ids[0]);
        in_order(next.ids);
        for (const auto & [id, request] : requests_) {
            const bool could = request.at == At::SEEN && (request.kind != Kind::BEAMS || !searching());
            if (could && seen_before(request, id, first, next.ids[0])) promise(false, "the one that has waited longest starts", id);
        }
        size_t longest = 0, tokens = 0;
        for (uint32_t id : next.ids) {
            Request & request = of(id);
            longest = std::max(longest, request.prefix_tokens);
            tokens += request.prefix_tokens;
            promise(request.at == At::SEEN, "a request starts once, when it has been seen", id);
            promise(request.kind == next.kind, "those that start together are of one kind", id);
        }
        if (next.kind == Kind::BEAMS) {
            promise(next.ids.size() == 1 && next.slots.empty(), "a beam search starts alone and has no slot");
            promise(!searching(), "one beam search at a time");
            of(next.ids[0]).at = At::SEARCHING;
            if (random_.once_in(20)) end(next.ids[0], false);
            return;
        }
        promise(next.slots.size() == next.ids.size(), "each has a slot");
        promise(next.ids.size() <= free, "no more start than there are slots and memory has allowed");
        promise(next.tokens == longest, "all are as long as the longest");
        promise((longest * next.ids.size() - tokens) * 8 <= longest * next.ids.size(), "little is computed for nothing");
        promise(next.ids.size() == 1 || next.ids.size() * longest <= limits_.batch_tokens, "prefixes fit into a batch");
        counts_.padded += tokens < longest * next.ids.size();
        for (size_t i = 0; i < next.ids.size(); ++i) {
            const int slot = next.slots[i];
            promise(slot >= 0 && slot < int(limits_.slots), "no more sequences than slots", next.ids[i]);
            promise(owner(slot) == 0 && soiled_.count(slot) == 0, "a slot that is given is free and clean", next.ids[i]);
            promise(i == 0 || next.slots[i - 1] < slot, "slots are given in order");
            promise(scheduler_.slot_of(next.ids[i]) == slot, "a slot is said the same twice", next.ids[i]);
            of(next.ids[i]).slot = slot;
            of(next.ids[i]).at   = At::STARTED;
        }
        counts_.together += next.ids.size() > 1;
        if (fails(next.ids)) return;
        for (uint32_t id : next.ids) {
            if (leaves(id)) continue;
            scheduler_.placed(id);
            of(id).at = At::PLACED;
            token(id);
        }
    }

    void step() {
        std::map<uint32_t, int> stepped;
        std::vector<uint32_t>   due;
        for (const auto & [id, request] : requests_) {
            if (request.at == At::PLACED) due.push_back(id);
        }
        int last = -1;
        for (auto ids = scheduler_.next_to_step(); !ids.empty(); ids = scheduler_.next_to_step()) {
            promise(ids.size() <= together_, "no more are computed together than memory has allowed");
            for (uint32_t id : ids) {
                promise(of(id).at == At::PLACED, "who runs has been placed and has not ended", id);
                promise(++stepped[id] == 1, "a step a turn", id);
                promise(of(id).slot > last, "in the order of slots", id);
                last = of(id).slot;
            }
            counts_.together += ids.size() > 1;
            if (fails(ids)) continue;
            for (uint32_t id : ids) token(id);
        }
        for (uint32_t id : due) promise(stepped.count(id) == 1, "every running one has a step in every turn", id);
    }

    void search() {
        const auto id = scheduler_.next_search();
        promise(id.has_value() == searching(), "a search goes on until it ends");
        if (!id) return;
        promise(of(*id).at == At::SEARCHING, "who searches has started and has not ended", *id);
        token(*id);
    }

    void masks() {
        const auto id = scheduler_.next_masks();
        for (const auto & [other, request] : requests_) {
            if (request.at == At::MASKING) promise(id && *id <= other, "masks are decoded in the order in which they came", other);
        }
        if (id) token(*id);
    }

    // ---- what happens to requests

    // A step of a request: it ends at the last one, or fails.
    void token(uint32_t id) {
        Request & request = of(id);
        if (random_.once_in(60) && failures_) {
            if (request.slot >= 0 && random_.once_in(2)) {
                soiled_.insert(request.slot);
                scheduler_.soil(id);
            }
            end(id, false);
        } else if (--request.steps == 0) {
            end(id, true);
        }
    }

    // Whether it is given up while it is computed for: it stays where it is until the next turn.
    bool leaves(uint32_t id) {
        if (!aborts_ || !random_.once_in(40)) return false;
        left_.push_back(id);
        ++counts_.aborted;
        return true;
    }

    // A computation that fails for all of them; for one alone that is its end.
    bool fails(const std::vector<uint32_t> & ids) {
        if (ids.empty() || !failures_ || !random_.once_in(15)) return false;
        if (ids.size() > 1) {
            scheduler_.short_of_memory(ids.size());
            together_ = ids.size() / 2;
        }
        for (uint32_t id : ids) end(id, false);
        return true;
    }

    void abort_some() {
        if (requests_.empty()) return;
        for (uint32_t n = random_.below(3); n > 0; --n) {
            const uint32_t id = 1 + random_.below(uint32_t(requests_.size()));
            if (of(id).at == At::ENDED) {
                scheduler_.drop(id); // comes too late and changes nothing
            } else {
                end(id, false);
                ++counts_.aborted;
            }
        }
    }

    void end(uint32_t id, bool answered) {
        Request & request = of(id);
        promise(request.at != At::ENDED, "a request ends once", id);
        std::map<uint32_t, int> before;
        for (const auto & [other, one] : requests_) {
            if (const auto slot = scheduler_.slot_of(other)) before[other] = *slot;
        }
        const auto search = scheduler_.next_search();
        if (answered) {
            scheduler_.answered(id);
            together_ = std::min(together_ + 1, limits_.slots);
            ++counts_.answered;
        } else {
            scheduler_.drop(id);
        }
        request.at   = At::ENDED;
        request.slot = -1;
        before.erase(id);
        for (const auto & [other, one] : requests_) {
            const auto slot = scheduler_.slot_of(other);
            const bool as_before = slot.has_value() == (before.count(other) > 0) && (!slot || *slot == before[other]);
            promise(as_before, "an end frees its own slot and no other", other);
        }
        promise(search == id ? !scheduler_.next_search() : scheduler_.next_search() == search, "an end is not another one's", id);
    }

    // After every turn: who is where, by the scheduler and by us.
    void look() {
        auto admitted = scheduler_.admitted();
        std::sort(admitted.begin(), admitted.end());
        promise(std::adjacent_find(admitted.begin(), admitted.end()) == admitted.end(), "nobody is in two places");
        std::vector<uint32_t> ours;
        bool waiting = false;
        for (auto & [id, request] : requests_) {
            if (request.at == At::WAITING) waiting = true;
            if (request.at != At::WAITING && request.at != At::ENDED) ours.push_back(id);
            promise(request.at == At::ENDED || turn_ <= request.until, "who came first does not wait for those who came later", id);
            promise(scheduler_.slot_of(id).value_or(-1) == request.slot, "a slot is kept until the end", id);
        }
        promise(admitted == ours, "who has been admitted stays until it ends");
        promise(scheduler_.idle() == (ours.empty() && !waiting), "there is work as long as anybody is left");
        const bool goes_on = std::any_of(requests_.begin(), requests_.end(), [this](const auto & one) {
            const At at = one.second.at;
            return at == At::SEEN || at == At::STARTED || at == At::PLACED || at == At::SEARCHING || at == At::MASKING || (at != At::ENDED && looked_.empty());
        });
        promise(scheduler_.has_work() == goes_on, "who can go on does not wait for pictures, and nobody turns for nothing");
    }

    // As they came: numbers grow, and within a turn all are seen in this order.
    void in_order(const std::vector<uint32_t> & ids) {
        promise(std::is_sorted(ids.begin(), ids.end()), "those of a group stand in the order in which they came");
    }

    Random                random_;
    Counts              & counts_;
    const bool            failures_, aborts_;
    std::vector<uint32_t> left_;     // given up in this turn
    std::vector<uint32_t> looked_;   // at their pictures, beside the turns
    size_t                looked_until_ = 0;
    bool                  ran_  = false;                // somebody, as the turn began
    size_t                held_ = 0, held_waiting_ = 0; // turns
};

} // namespace

int main(int argc, char ** argv) {
    const int      runs = argc > 1 ? std::atoi(argv[1]) : 2000;
    const uint32_t seed = argc > 2 ? uint32_t(std::atoi(argv[2])) : 1;
    Counts counts;
    for (int i = 0; i < runs; ++i) {
        current_seed = seed + uint32_t(i);
        World(Random(current_seed), counts).run();
    }
    std::printf("{\"runs\":%d,\"asked\":%zu,\"answered\":%zu,\"aborted\":%zu,\"together\":%zu,\"held\":%zu,\"padded\":%zu,\"beside\":%zu}\n", runs,
                counts.asked, counts.answered, counts.aborted, counts.together, counts.held, counts.padded, counts.beside);
    return 0;
}
