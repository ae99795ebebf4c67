// Whether draws from what a card finds of the logits are llama.cpp's own draws from all of them: random rows, flat and peaked, with and
// without equal logits, at random temperatures and cuts. Of equal logits llama.cpp's cuts leave any; here the first of the vocabulary. What
// a card finds is computed here, in float32 and in an order of its own.
//
//   draw-test [RUNS = 300] [SEED = 1]
//
// Exit status 1 when a token differs; the line names the run's seed, which as SEED with RUNS 1 shows it again. Prints, as JSON, how many
// draws were not decided by what was found, for each kind of rows.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <numeric>
#include <string>

#include "model/draw.h"

using namespace paligemma;

namespace {

using Random = std::mt19937;

uint32_t below(Random & random, uint32_t n) { return uint32_t(random() % n); }
float    between(Random & random, float low, float high) { return std::uniform_real_distribution<float>(low, high)(random); }

struct Row {
    std::string        kind;
    std::vector<float> logits;
};

// As a language model gives them: most are far below some few.
Row make_row(Random & random, size_t vocabulary) {
    static const std::map<std::string, float> spreads = {{"flat", 0.3f}, {"usual", 2.5f}, {"peaked", 4.0f}};
    auto [kind, spread]                               = *std::next(spreads.begin(), long(below(random, uint32_t(spreads.size()))));
    std::normal_distribution<float> normal(between(random, -20.0f, 5.0f), spread);
    Row                             row{kind, std::vector<float>(vocabulary)};
    for (float & logit : row.logits) logit = normal(random);
    if (kind != "flat") {
        for (uint32_t n = 1 + below(random, 60); n > 0; --n)
            row.logits[below(random, uint32_t(vocabulary))] += between(random, 4.0f, 4.0f + 4 * spread);
    }
    if (below(random, 4) == 0) {
        const float step = below(random, 2) ? 0.125f : 0.5f;
        for (float & logit : row.logits) logit = std::round(logit / step) * step;
        row.kind += ", equal ones";
    }
    return row;
}

// By halves, as devices add.
float sum(const float * values, size_t count) {
    return count == 1 ? *values : sum(values, count / 2) + sum(values + count / 2, count - count / 2);
}

std::vector<float> probabilities(const std::vector<float> & logits, float temperature) {
    const float        largest = *std::max_element(logits.begin(), logits.end()) / temperature;
    std::vector<float> all;
    for (float logit : logits) all.push_back(std::exp(logit / temperature - largest));
    const float total = 1.0f / sum(all.data(), all.size());
    for (float & one : all) one *= total;
    return all;
}

struct Drawn {
    llama_token token;
    llama_token in_order; // when of equal logits those come first that do so in the vocabulary
    bool        equal;    // whether there are any among those that the cuts leave
};

// By llama.cpp, from all.
class Reference {
public:
    explicit Reference(const Sampled & choice)
        : cuts_(chain(choice)), last_(llama_sampler_init_dist(choice.seed)), in_order_(llama_sampler_init_dist(choice.seed)),
          temperature_(choice.temperature), sorts_(choice.top_k > 0 || choice.top_p < 1.0f) {}

    Drawn draw(const std::vector<float> & logits) {
        std::vector<llama_token_data> all, sorted;
        for (size_t id = 0; id < logits.size(); ++id) all.push_back({llama_token(id), logits[id], 0.0f});
        llama_token_data_array array{all.data(), all.size(), -1, false};
        llama_sampler_apply(cuts_.get(), &array);
        if (sorts_) {
            for (size_t id = 0; id < logits.size(); ++id) sorted.push_back({llama_token(id), logits[id] / temperature_, 0.0f});
            std::stable_sort(sorted.begin(), sorted.end(), [](const auto & a, const auto & b) { return a.logit > b.logit; });
        } else {
            sorted = all;
        }
        bool equal = false;
        for (size_t i = 0; sorts_ && i < array.size && i + 1 < sorted.size(); ++i) equal |= sorted[i].logit == sorted[i + 1].logit;
        llama_token_data_array ordered{sorted.data(), array.size, -1, sorts_};
        llama_sampler_apply(last_.get(), &array);
        llama_sampler_apply(in_order_.get(), &ordered);
        return {array.data[array.selected].id, ordered.data[ordered.selected].id, equal};
    }

private:
    static llama_sampler * chain(const Sampled & choice) {
        llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
        llama_sampler_chain_add(chain, llama_sampler_init_temp(choice.temperature));
        if (choice.top_k > 0) llama_sampler_chain_add(chain, llama_sampler_init_top_k(choice.top_k));
        if (choice.top_p < 1.0f) llama_sampler_chain_add(chain, llama_sampler_init_top_p(choice.top_p, 1));
        return chain;
    }

    llama_sampler_ptr cuts_, last_, in_order_;
    const float       temperature_;
    const bool        sorts_;
};

std::optional<llama_token> from_found(Draw & draw, const std::vector<float> & logits, Random & random) {
    const auto probs = probabilities(logits, draw.temperature());
    switch (draw.enough(logits.size())) {
    case Output::SHARES: {
        std::vector<float> shares;
        for (size_t first = 0; first < logits.size(); first += SHARE_BLOCK)
            shares.push_back(sum(&probs[first], std::min<size_t>(SHARE_BLOCK, logits.size() - first)));
        return draw.from_shares(shares.data(), logits.size(), [&](size_t first, size_t count) {
            return std::vector<float>(logits.begin() + long(first), logits.begin() + long(first + count));
        });
    }
    case Output::BEST: {
        std::vector<llama_token> best(logits.size());
        std::iota(best.begin(), best.end(), 0);
        std::shuffle(best.begin(), best.end(), random); // of equal ones any
        std::partial_sort(best.begin(), best.begin() + BEST_COUNT, best.end(),
                          [&](auto a, auto b) { return logits[size_t(a)] > logits[size_t(b)]; });
        best.resize(BEST_COUNT);
        std::shuffle(best.begin(), best.end(), random);
        std::vector<float> best_logits, best_probs;
        for (llama_token token : best) {
            best_logits.push_back(logits[size_t(token)]);
            best_probs.push_back(probs[size_t(token)]);
        }
        return draw.from_best(best.data(), best_logits.data(), best_probs.data(), best.size());
    }
    default:
        return std::nullopt;
    }
}

struct Count {
    int drawn = 0, undecided = 0;
};

} // namespace

int main(int argc, char ** argv) {
    const int                    runs = argc > 1 ? std::atoi(argv[1]) : 300;
    const uint32_t               seed = argc > 2 ? uint32_t(std::atoi(argv[2])) : 1;
    std::map<std::string, Count> counts;
    for (int run = 0; run < runs; ++run) {
        Random       random(seed + uint32_t(run));
        const size_t vocabulary = below(random, 4) == 0 ? 257216 : 200 + below(random, 60000);
        Sampled      choice;
        choice.temperature = below(random, 3) == 0 ? 1.0f : between(random, 0.1f, 1.8f);
        if (below(random, 3) == 0) choice.top_k = 1 + int(below(random, 130));
        if (below(random, 2) == 0) choice.top_p = between(random, 0.05f, 0.99f);
        choice.seed            = random() % 1000000;
        const std::string cuts = choice.top_k > 0 ? "top-k" : choice.top_p < 1.0f ? "top-p" : "no cuts";

        Reference reference(choice);
        Draw      draw(choice);
        for (int step = 0; step < 12; ++step) {
            const Row         row    = make_row(random, vocabulary);
            const Drawn       wanted = reference.draw(row.logits);
            const auto        found  = from_found(draw, row.logits, random);
            const llama_token token  = found ? *found : draw.from_row(row.logits);
            Count &           count  = counts[cuts + ", " + row.kind];
            ++count.drawn;
            count.undecided += !found;
            if (token == wanted.in_order && (wanted.equal || token == wanted.token)) continue;
            std::fprintf(stderr, "draw-test: seed %u, step %d (%s, %s, temperature %g, top-k %d, top-p %g): %d instead of %d%s\n",
                         seed + uint32_t(run), step, cuts.c_str(), row.kind.c_str(), double(choice.temperature), choice.top_k,
                         double(choice.top_p), token, wanted.in_order, found ? "" : ", from all");
            return 1;
        }
    }
    const char * separator = "{";
    for (const auto & [kind, count] : counts) {
        std::printf("%s\"%s\":{\"drawn\":%d,\"undecided\":%d}", separator, kind.c_str(), count.drawn, count.undecided);
        separator = ",";
    }
    std::printf("}\n");
    return 0;
}
