#include "beam_search.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "batch.h"
#include "logprobs.h"

namespace paligemma {
namespace {

constexpr float NEVER = -1.0e9f; // transformers' stand-in for minus infinity

struct Beam {
    std::vector<llama_token> tokens;
    float                    score    = NEVER;
    int                      parent   = 0; // the running beam it continues
    bool                     finished = false;
};

// The best `count` continuations of the running beams, by log-probability of the whole sequence.
std::vector<Beam> best_continuations(const std::vector<Beam> & running, const std::vector<std::vector<float>> & logits, size_t count) {
    struct Candidate {
        float       score;
        int         beam;
        llama_token token;
    };
    std::vector<Candidate> candidates;
    for (size_t b = 0; b < logits.size(); ++b) {
        const float total = log_sum_exp(logits[b]);
        for (size_t t = 0; t < logits[b].size(); ++t) candidates.push_back({logits[b][t] - total + running[b].score, int(b), llama_token(t)});
    }
    count = std::min(count, candidates.size());
    std::partial_sort(candidates.begin(), candidates.begin() + long(count), candidates.end(),
                      [](const Candidate & a, const Candidate & b) { return a.score > b.score; });
    std::vector<Beam> best;
    for (size_t i = 0; i < count; ++i) {
        Beam beam{running[size_t(candidates[i].beam)].tokens, candidates[i].score, candidates[i].beam, false};
        beam.tokens.push_back(candidates[i].token);
        best.push_back(std::move(beam));
    }
    return best;
}

void keep_best(std::vector<Beam> & beams, size_t count) {
    std::stable_sort(beams.begin(), beams.end(), [](const Beam & a, const Beam & b) { return a.score > b.score; });
    if (beams.size() > count) beams.resize(count);
}

// The sequences of the running beams in the cache. Two sets of ids take turns, so that a beam may have several heirs.
class Sequences {
public:
    Sequences(const Model & model, llama_context * context, int beams) : model_(model), context_(context), beams_(beams) {}

    // Feeds each beam's last token and collects the logits after it. False: interrupted.
    bool advance(const std::vector<Beam> & beams, size_t position, std::vector<std::vector<float>> & logits) {
        llama_memory_t memory = llama_get_memory(context_);
        const int next = current_ == 0 ? beams_ : 0;
        for (size_t i = 0; i < beams.size(); ++i) llama_memory_seq_cp(memory, current_ + beams[i].parent, next + int(i), -1, -1);
        for (int i = 0; i < beams_; ++i) llama_memory_seq_rm(memory, current_ + i, -1, -1);
        current_ = next;

        const size_t width = size_t(model_.width());
        Batch batch;
        std::vector<float> rows(beams.size() * width);
        for (size_t i = 0; i < beams.size(); ++i) {
            batch.add(llama_pos(position), current_ + int(i), Output::LOGITS);
            model_.embedding(beams[i].tokens.back(), &rows[i * width]);
        }
        const int status = batch.decode(context_, rows);
        if (status == 2) return false;
        if (status != 0) throw std::runtime_error("computing the beams failed (llama_decode " + std::to_string(status) + ")");
        logits.clear();
        for (size_t i = 0; i < beams.size(); ++i) {
            const float * at = llama_get_logits_ith(context_, int32_t(i));
            logits.emplace_back(at, at + model_.vocabulary());
        }
        return true;
    }

private:
    const Model   & model_;
    llama_context * context_;
    int             beams_;
    int             current_ = 0; // first id of the set in use
};

} // namespace

BeamResult beam_search(const Model & model, size_t tokens, const std::vector<float> & rows, const BeamOptions & options) {
    const size_t count = size_t(options.beams);
    const auto context = model.make_context({int(tokens) + options.beams * options.max_tokens, 2 * options.beams, options.float32_cache, /*shared*/ true, /*batch*/ int(tokens)});

    const int status = decode_prefixes(context.get(), {0}, tokens, rows, {Output::LOGITS});
    if (status == 2) return {true, {}, 0.0f};
    if (status != 0) throw std::runtime_error("computing the prefix failed (llama_decode " + std::to_string(status) + ")");
    const float * first = llama_get_logits_ith(context.get(), -1);
    std::vector<std::vector<float>> logits{{first, first + model.vocabulary()}};

    Sequences sequences(model, context.get(), options.beams);
    std::vector<Beam> running{Beam{{}, 0.0f, 0, false}}; // one beam first: all would say the same
    std::vector<Beam> finished;
    for (int length = 1;; ++length) {
        // Twice as many as beams: each beam may end once, and as many must be left to go on.
        std::vector<Beam> candidates = best_continuations(running, logits, 2 * count);
        const bool last = length >= options.max_tokens;
        std::vector<Beam> open;
        for (size_t i = 0; i < candidates.size(); ++i) {
            Beam & beam = candidates[i];
            beam.finished = last || beam.tokens.back() == model.eos();
            if (!beam.finished) {
                open.push_back(beam);
            } else if (i < count) { // a beam that ends counts only while it is among the best
                beam.score /= std::pow(float(length), options.length_penalty);
                finished.push_back(beam);
            }
        }
        keep_best(finished, count);
        keep_best(open, count);
        if (open.empty()) break;
        // Could the best running beam, were it to end now, still replace a finished one?
        const bool improvable = finished.size() < count || open[0].score / std::pow(float(length), options.length_penalty) > finished.back().score;
        if (!improvable) break;
        running = std::move(open);
        if (!sequences.advance(running, tokens + size_t(length) - 1, logits)) return {true, {}, 0.0f};
    }
    return {false, finished[0].tokens, finished[0].score};
}

} // namespace paligemma
