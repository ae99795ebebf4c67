// Drives the engine harder than any caller does: several at once, each asked by many threads for all that it can do, requests
// given up and engines ended at any moment. `npm run sanitize` runs it under the sanitizers.
//
//   engine-stress MODEL_FOLDER [ROUNDS = 3] [SEED = 1]
//
// Exit status 1 when a request got no end or two of them, when an answer was not the one it gets alone, or when anything failed.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include "base/backends.h"
#include "base/log.h"
#include "watched_engine.h"

using namespace paligemma;

namespace {

using std::chrono::milliseconds;

class Random {
public:
    explicit Random(uint32_t seed) : state_(seed) {}
    uint32_t below(uint32_t limit) { return uint32_t(state_() % limit); }
    bool     once_in(uint32_t times) { return below(times) == 0; }

private:
    std::mt19937 state_;
};

// ---- what is asked

struct Question {
    Request request;
    Event   alone{}; // how it ends when nothing else is computed
};

// A disc before a plain ground: the model says something definite of it.
Pixels picture(int size, Random & random) {
    uint8_t colours[2][3];
    for (auto & colour : colours) {
        for (uint8_t & value : colour) value = uint8_t(random.below(256));
    }
    const int radius = size / 4 + int(random.below(uint32_t(size) / 4));
    Pixels pixels;
    for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) {
            const int dx = x - size / 2, dy = y - size / 2;
            const auto & colour = colours[dx * dx + dy * dy < radius * radius];
            pixels.insert(pixels.end(), colour, colour + 3);
        }
    }
    return pixels;
}

std::vector<Question> questions(const Loaded & model, Random & random) {
    std::vector<Pixels> pictures;
    for (int i = 0; i < 6; ++i) pictures.push_back(picture(model.image_size, random));

    std::vector<Question> all;
    const auto add = [&](const char * prompt, int images, auto && change) {
        Request request{};
        request.prompt     = prompt;
        request.max_tokens = 24;
        for (int i = 0; i < images; ++i) request.images.push_back(pictures[random.below(uint32_t(pictures.size()))]);
        change(request);
        all.push_back({std::move(request)});
    };
    const auto greedy = [](Request &) {};
    for (int i = 0; i < 3; ++i) {
        add("caption en", 1, greedy);
        add("answer en how many dogs are there?", 1, [](Request & r) { r.stream = true; });
        add("caption es", 2, [](Request & r) { r.stream = true, r.stops = {" y ", "os"}; });
        add("detect owl ; cat", 1, [](Request & r) { r.choice = Sampled{0.0f, 0, 1.0f, 0, Labels{{"owl", "cat"}, false}}; });
        add("caption en", 1, [i](Request & r) { r.choice = Sampled{1.5f, 40, 0.9f, uint32_t(i), {}, 3}; });
    }
    add("", 0, greedy);
    add("ocr", 1, [](Request & r) { r.choice = Sampled{0.0f, 0, 1.0f, 0, {}, 2}; });
    add("segment dog", 1, [](Request & r) { r.choice = Sampled{0.0f, 0, 1.0f, 0, Labels{{"dog"}, true}, 0}; });
    add("caption en", 1, [](Request & r) { r.choice = Forced{"a cat and a dog", 1}; });
    add("caption en", 1, [](Request & r) { r.choice = Beams{2}, r.max_tokens = 6; });
    add("", 2, [](Request & r) { r.kind = Request::ENCODE; });
    add("caption en", 1, [](Request & r) { r.kind = Request::TRACE; });
    add("", 0, [](Request & r) { r.kind = Request::MASKS, r.masks.resize(2, MaskCodes{1, 2, 3}); });
    add("caption en", 12, greedy); // more than the context holds
    return all;
}

// ---- whether it is answered as it is alone

struct Compare {
    const Request & request;

    // Draws and sums depend on the last bits, which depend on what else is computed; the most probable token does not.
    bool operator()(const Done & a, const Done & b) const {
        const auto * sampled = std::get_if<Sampled>(&request.choice);
        return (sampled && sampled->temperature > 0.0f) || a.tokens == b.tokens;
    }
    bool operator()(const Encoded & a, const Encoded & b) const { return a.features.size() == b.features.size(); }
    bool operator()(const Traced & a, const Traced & b) const {
        return a.ids == b.ids && a.pixels == b.pixels && a.features.size() == b.features.size() && a.logits.size() == b.logits.size();
    }
    bool operator()(const Masks & a, const Masks & b) const { return a.values.size() == b.values.size(); }
    bool operator()(const TooLong & a, const TooLong & b) const { return a.tokens == b.tokens && a.limit == b.limit; }
    template <typename A, typename B> bool operator()(const A &, const B &) const { return false; }
};

void judge(const Question & question, const Watched::End & end) {
    const std::string name = "'" + question.request.prompt + "' of kind " + std::to_string(question.request.kind);
    if (const auto * failed = std::get_if<Failed>(&end.event)) return complain(name + " failed: " + failed->reason);
    if (!std::visit(Compare{question.request}, question.alone, end.event)) complain(name + " was answered otherwise than alone");
    const auto * done = std::get_if<Done>(&end.event);
    if (done && question.request.stream && done->text != end.streamed) complain(name + " streamed another text than it has");
}

// ---- those who ask

struct Counts {
    std::atomic<int> engines{0}, answered{0}, aborted{0}, dropped{0};
};

// Asks one thing after another, and calls `asked` after each.
template <typename Asked> void client(Watched & engine, const std::vector<Question> & all, uint32_t seed, Counts & counts, Asked && asked) {
    Random random(seed);
    for (uint32_t left = 4 + random.below(12); left > 0; --left) {
        const Question & question = all[random.below(uint32_t(all.size()))];
        const uint32_t id = engine.ask(question.request);
        asked();
        if (random.once_in(4)) {
            std::this_thread::sleep_for(milliseconds(random.below(60)));
            engine.abort(id);
            ++counts.aborted;
        } else if (const auto end = engine.wait(id)) {
            judge(question, *end);
            ++counts.answered;
        } else {
            return;
        }
    }
}

// An engine's life: it ends while it loads, with requests under way, or when every client has what it wanted.
void live(EngineOptions options, const std::vector<Question> & all, uint32_t seed, Counts & counts) {
    Random random(seed);
    options.threads               = 1 + int(random.below(3));
    options.context.max_sequences = 1 + int(random.below(6));
    options.feature_cache_bytes   = random.once_in(2) ? 0 : 200000;
    options.map_weights           = random.once_in(2);
    Watched engine(options);
    ++counts.engines;
    if (random.once_in(6)) {
        std::this_thread::sleep_for(milliseconds(random.below(50)));
        engine.end();
        return;
    }
    const uint32_t clients  = 1 + random.below(6);
    const bool     to_end   = random.once_in(2);
    const uint32_t stops_at = to_end ? 0 : 1 + random.below(clients * 8);
    std::atomic<uint32_t> asked{0};
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < clients; ++i) {
        threads.emplace_back([&, i] {
            client(engine, all, seed * 16 + i, counts, [&] {
                if (++asked == stops_at) engine.stop();
            });
        });
    }
    for (std::thread & thread : threads) thread.join();
    const int unanswered = engine.end();
    counts.dropped += unanswered;
    if (to_end && unanswered > 0) complain(std::to_string(unanswered) + " requests were never answered");
}

} // namespace

int main(int argc, char ** argv) {
    if (argc < 2 || argc > 4) {
        std::fprintf(stderr, "usage: engine-stress MODEL_FOLDER [ROUNDS] [SEED]\n");
        return 2;
    }
    const std::string folder = argv[1];
    const int      rounds = argc > 2 ? std::atoi(argv[2]) : 3;
    const uint32_t seed   = argc > 3 ? uint32_t(std::atoi(argv[3])) : 1;
    install_log();

    EngineOptions options{};
    options.text_path           = folder + "/model.gguf";
    options.vision_path         = folder + "/mmproj.gguf";
    options.threads             = 2;
    options.context             = {/*tokens*/ 640, /*max_sequences*/ 1, /*float32_cache*/ false};
    options.vision_batch_tokens = 256;

    Random random(seed);
    std::vector<Question> all;
    {
        Watched alone(options);
        const auto loaded = alone.loaded();
        if (!loaded) return 1;
        all = questions(*loaded, random);
        for (Question & question : all) question.alone = alone.wait(alone.ask(question.request)).value().event;
        alone.end();
    }

    Counts counts;
    for (int round = 0; round < rounds; ++round) {
        std::vector<std::thread> lives;
        for (uint32_t i = 0, n = 1 + random.below(3); i < n; ++i) {
            lives.emplace_back([&, seed = random.below(1u << 24)] { live(options, all, seed, counts); });
        }
        for (std::thread & life : lives) life.join();
    }
    std::printf("{\"engines\":%d,\"answered\":%d,\"aborted\":%d,\"dropped\":%d,\"complaints\":%d}\n", counts.engines.load(), counts.answered.load(),
                counts.aborted.load(), counts.dropped.load(), complaints.load());
    return complaints > 0 ? 1 : 0;
}
