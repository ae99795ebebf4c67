// Which requests are computed for next: slots, admission, groups and their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <vector>

namespace paligemma {

// Knows requests by number, kind and size alone: no model, no thread, no clock. So what it promises holds for any order of
// events, and test/native/scheduler_test.cpp tries it on random ones.
//
// Each turn takes some waiting requests up, starts sequences of about one length, and computes a token for every running one, a
// step of a beam search and a mask: who runs waits for at most one batch of newcomers, and who waits is taken in order.
//
// On a card a batch of pictures or prefixes takes time by itself, however many are in it. So there pictures are encoded ahead of free
// slots, and who comes waits for others: as long as waiting costs less than what is saved, and no longer than MOST_HELD turns. There
// pictures may be looked at beside the turns, a batch at a time: until it is seen nobody else is taken up.
class Scheduler {
public:
    enum class Kind {
        SEQUENCE, // pictures, a prefix and then a slot
        BEAMS,    // pictures, a prefix and then sequences of its own, one such request at a time
        FEATURES, // pictures alone
        MASKS,
    };

    struct Limits {
        size_t slots;         // sequences of the context
        size_t vision_tokens; // taken up in a turn: the request that reaches it is the last
        size_t batch_tokens;  // of prefixes computed together; a longer one goes alone
        size_t ahead = 0;     // requests that may be seen before there is a slot for them
    };

    // Milliseconds that computing takes. Unknown: nothing is held back.
    struct Costs {
        double vision   = 0; // of a batch of pictures, whatever their number
        double prefixes = 0; // the same of prefixes
        double step     = 0; // a token for all running sequences
    };

    static constexpr size_t MOST_HELD = 16;

    struct Start {
        Kind                  kind = Kind::SEQUENCE;
        std::vector<uint32_t> ids;   // one, when it is a beam search
        std::vector<int>      slots; // of each, ascending; none for a beam search
        size_t                tokens = 0; // of the longest prefix: all are computed as if they had so many
    };

    explicit Scheduler(const Limits & limits) : limits_(limits), slots_(limits.slots), together_(limits.slots) {}

    // ---- what has happened

    void add(uint32_t id, Kind kind, size_t image_tokens);
    void read(uint32_t id, size_t prefix_tokens); // its prompt: it can be seen now
    void looking(bool looking) { looking_ = looking; } // at a batch of pictures, beside the turns
    void seen(uint32_t id);                       // its pictures: its prefix can be computed now
    void placed(uint32_t id);                     // its prefix is computed: it runs
    void answered(uint32_t id);                   // there may be memory again
    void drop(uint32_t id);                       // failed or given up, at any moment

    void costs(const Costs & costs) { costs_ = costs; }

    // A computation for so many at once found too little memory.
    void short_of_memory(size_t count) { together_ = count / 2; }

    // The cells of its sequence may hold NaN, which masks do not keep from others: its slot is used again when all are cleared.
    void soil(uint32_t id);
    bool can_clear() const;
    void cleared() { soiled_.clear(); }

    // ---- what comes next, in a turn

    void                    begin_turn();
    std::optional<uint32_t> admit();        // the next waiting request, when there is room for it
    std::vector<uint32_t>   next_to_see();  // all that have been admitted and read, unless a batch is looked at
    Start                   next_to_start();
    std::vector<uint32_t>   next_to_step(); // running ones, in the order of their slots; none: all of this turn have had a step
    std::optional<uint32_t> next_search() const { return search_; }
    std::optional<uint32_t> next_masks() const;

    std::optional<int>    slot_of(uint32_t id) const;
    bool                  used(int slot) const { return slots_[size_t(slot)].has_value(); }
    std::vector<uint32_t> admitted() const;
    bool                  idle() const { return waiting_.empty() && admitted().empty(); }
    bool                  has_work() const; // for a turn, even while pictures are looked at beside it

private:
    struct Item {
        uint32_t id;
        Kind     kind;
        size_t   image_tokens;
        size_t   prefix_tokens = 0;
        bool     read          = false;
    };
    struct Slot {
        uint32_t id;
        bool     running; // else its prefix is being computed
    };

    std::vector<int> free_slots() const; // the lowest first: the fewer gaps are between running ones
    size_t           waiting_for_slots() const;
    size_t           running() const;
    bool             better_later(size_t count, double cost, size_t held) const;

    const Limits                     limits_;
    std::deque<Item>                 waiting_; // each in the order in which they came there
    std::deque<Item>                 taken_;   // admitted, not seen yet
    std::deque<Item>                 ready_;   // seen, waiting for a slot or for the search before it
    std::vector<std::optional<Slot>> slots_;   // nothing: free
    std::optional<uint32_t>          search_;
    std::deque<uint32_t>             masking_;
    std::set<int>                    soiled_;
    size_t                           together_;           // sequences at most, as memory has allowed
    Costs                            costs_;
    double                           coming_         = 0; // requests a turn, lately
    size_t                           turn_came_      = 0;
    size_t                           held_waiting_   = 0; // turns in which those who could be taken up were held back
    size_t                           held_ready_     = 0; // the same of those who could start
    bool                             taking_         = true; // in this turn: anybody
    bool                             looking_        = false;
    bool                             ahead_          = true; // in this turn: more than there are slots for
    size_t                           turn_tokens_    = 0; // of the pictures taken up in this turn
    size_t                           turn_next_slot_ = 0; // that has not had its step in this turn
};

} // namespace paligemma
