// The scheduler on a card that is not there: what a turn costs is looked up, so that a change to the scheduler can be judged on any
// machine, in milliseconds. All requests are one picture, a prompt of one of four lengths, and 5 to 60 tokens; who is answered is
// followed by the next, so that as many are in flight all the time.
//
//   scheduler-simulation [--in-flight 128] [--slots 128] [--requests 20000] [--seed 1] [--beside 1] [--spare 0] [--NAME MILLISECONDS ...]
//
// Pictures are encoded beside the turns; with --beside 0 in them. What the card computes at the same time shares it: both together take
// as long as one after the other, so that all there is to gain is time in which the card would wait for the host. --spare 0.3 says that
// three tenths of the card are idle while it computes prefixes and tokens, and do pictures for nothing.
//
// NAME is a cost below. They are estimates for an H100 in bfloat16, from its matrix products (700 TFLOP/s) and memory (3 TB/s) and
// from what bench/host.mjs counts; measured ones take their place as soon as a card is there. Prints, as JSON, pictures a second, the
// share of time in which the card computes, and how large groups are.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "engine/scheduler.h"

using namespace paligemma;

namespace {

// Milliseconds. The device's: fixed ones are those of launches and of reading weights.
std::map<std::string, double> costs = {
    {"vision", 0.8},   {"vision-picture", 0.34},       // 0.22 TFLOP each
    {"prefix", 1.5},   {"prefix-token", 0.0070},       // 1.3 TFLOP in 267 tokens
    {"step", 2.4},     {"step-row", 0.007},            // 5 GB of weights
    // The engine's thread alone: while it works the card waits. Together 0.23 a picture at 64 in flight and 20 tokens.
    {"host-request", 0.01},                            // received, tokenised, answered
    {"host-vision", 0.3}, {"host-vision-picture", 0.03},
    {"host-prefix", 0.5}, {"host-prefix-picture", 0.05},
    {"host-step", 0.15},  {"host-step-row", 0.002},
};

struct Request {
    size_t tokens, length; // of the prefix, of the answer
    int    slot = -1;
};

class Simulation {
public:
    Simulation(size_t in_flight, size_t slots, size_t requests, uint32_t seed, bool beside, double spare)
        : scheduler_({slots, 32 * IMAGE_TOKENS, 8192, 32}), beside_(beside), spare_(spare), left_(requests), chance_(seed) {
        for (size_t i = 0; i < in_flight; ++i) ask();
    }

    void run() {
        while (!scheduler_.idle()) {
            if (!scheduler_.has_work()) pass(looking_host_ + looking_device_); // sleeps until pictures are seen
            take_seen();
            scheduler_.begin_turn();
            see();
            start();
            step();
        }
        std::printf("{\"picturesPerSecond\":%.1f,\"busy\":%.3f,\"vision\":%.1f,\"prefixes\":%.1f,\"rows\":%.1f}\n",
                    double(answered_) / clock_ * 1000, busy_ / clock_, vision_.mean(), prefixes_.mean(), steps_.mean());
    }

private:
    static constexpr size_t IMAGE_TOKENS = 256;

    struct Mean {
        double sum = 0, count = 0;
        void   add(size_t value) { sum += double(value), ++count; }
        double mean() const { return count > 0 ? sum / count : 0; }
    };

    void ask() {
        if (left_ == 0) return;
        --left_;
        const uint32_t id = ++last_;
        requests_[id] = {IMAGE_TOKENS + 5 + 4 * (chance_() % 4), 5 + chance_() % 56};
        scheduler_.add(id, Scheduler::Kind::SEQUENCE, IMAGE_TOKENS);
        pass(costs["host-request"]);
    }

    void see() {
        while (const auto id = scheduler_.admit()) scheduler_.read(*id, requests_[*id].tokens);
        const auto ids = scheduler_.next_to_see();
        if (ids.empty()) return;
        vision_.add(ids.size());
        if (beside_) {
            looking_        = ids;
            looking_host_   = sum("host-vision", "host-vision-picture", ids.size());
            looking_device_ = sum("vision", "vision-picture", ids.size());
            scheduler_.looking(true);
            return;
        }
        spend("vision", "vision-picture", ids.size());
        host("host-vision", "host-vision-picture", ids.size());
        for (uint32_t id : ids) scheduler_.seen(id);
    }

    void take_seen() {
        if (looking_.empty() || looking_host_ + looking_device_ > 0) return;
        scheduler_.looking(false);
        for (uint32_t id : looking_) scheduler_.seen(id);
        looking_.clear();
    }

    void start() {
        const auto next = scheduler_.next_to_start();
        if (next.ids.empty()) return;
        prefixes_.add(next.ids.size());
        spend("prefix", "prefix-token", next.ids.size() * next.tokens);
        host("host-prefix", "host-prefix-picture", next.ids.size());
        for (size_t i = 0; i < next.ids.size(); ++i) {
            requests_[next.ids[i]].slot = next.slots[i];
            scheduler_.placed(next.ids[i]);
            token(next.ids[i]);
        }
        scheduler_.costs({costs["vision"] + costs["host-vision"], costs["prefix"] + costs["host-prefix"], costs["step"] + costs["host-step"]});
    }

    void step() {
        for (auto ids = scheduler_.next_to_step(); !ids.empty(); ids = scheduler_.next_to_step()) {
            const size_t rows = size_t(requests_[ids.back()].slot - requests_[ids.front()].slot) + 1; // gaps are filled
            steps_.add(rows);
            spend("step", "step-row", rows);
            host("host-step", "host-step-row", rows);
            for (uint32_t id : ids) token(id);
        }
    }

    void token(uint32_t id) {
        if (--requests_[id].length > 0) return;
        scheduler_.answered(id);
        requests_.erase(id);
        ++answered_;
        ask();
    }

    static double sum(const char * fixed, const char * each, size_t count) { return costs[fixed] + costs[each] * double(count); }

    // While the engine's thread works or sleeps the card is the pictures'.
    void pass(double time) {
        clock_ += time;
        const double host = std::min(looking_host_, time), device = std::min(looking_device_, time - host);
        looking_host_ -= host;
        looking_device_ -= device;
        busy_ += device;
    }
    void host(const char * fixed, const char * each, size_t count) { pass(sum(fixed, each, count)); }

    // The engine's thread waits for the card, which pictures share as soon as the host has sent them: of both each gets half of what
    // there is.
    void spend(const char * fixed, const char * each, size_t count) {
        double left = sum(fixed, each, count);
        const double alone = std::min(left, looking_device_ > 0 ? looking_host_ : left);
        advance(left, alone, 1.0, 0.0);
        const double speed = (1.0 + spare_) / 2;
        if (looking_device_ > 0) advance(left, std::min(left, looking_device_) / speed, speed, speed);
        advance(left, left, 1.0, 0.0);
    }
    void advance(double & left, double time, double speed, double pictures) {
        left -= time * speed;
        looking_device_ -= time * pictures;
        if (looking_device_ < 1e-9) looking_device_ = 0;
        looking_host_ = std::max(looking_host_ - time, 0.0);
        clock_ += time;
        busy_ += time;
    }

    Scheduler                   scheduler_;
    const bool                  beside_;
    const double                spare_;
    std::map<uint32_t, Request> requests_;
    size_t                      left_, answered_ = 0;
    uint32_t                    last_ = 0;
    std::mt19937                chance_;
    double                      clock_ = 0, busy_ = 0;                  // busy: the card computes
    std::vector<uint32_t>       looking_;                               // whose pictures are encoded beside the turns
    double                      looking_host_ = 0, looking_device_ = 0; // what they still need
    Mean                        vision_, prefixes_, steps_;
};

} // namespace

int main(int argc, char ** argv) {
    size_t   in_flight = 128, slots = 0, requests = 20000;
    uint32_t seed   = 1;
    bool     beside = true;
    double   spare  = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = std::strncmp(argv[i], "--", 2) == 0 ? argv[i] + 2 : argv[i];
        if (name == "in-flight") in_flight = size_t(std::atol(argv[i + 1]));
        else if (name == "slots") slots = size_t(std::atol(argv[i + 1]));
        else if (name == "requests") requests = size_t(std::atol(argv[i + 1]));
        else if (name == "seed") seed = uint32_t(std::atol(argv[i + 1]));
        else if (name == "beside") beside = std::atoi(argv[i + 1]) != 0;
        else if (name == "spare") spare = std::atof(argv[i + 1]);
        else if (costs.count(name)) costs[name] = std::atof(argv[i + 1]);
        else return std::fprintf(stderr, "scheduler-simulation: there is no --%s\n", name.c_str()), 2;
    }
    Simulation(in_flight, slots > 0 ? slots : in_flight, requests, seed, beside, spare).run();
    return 0;
}
