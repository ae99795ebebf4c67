#include "model/beam_search.h"

#include <algorithm>
#include <cmath>

#include "base/failure.h"
#include "model/batch.h"
#include "model/logprobs.h"

namespace paligemma {
namespace {

std::vector<float> checked(const float * logits, int count) {
    std::vector<float> values(logits, logits + count);
    check_numbers(all_finite(values), "the logits");
    return values;
}

} // namespace

struct BeamSearch::Beam {
    std::vector<llama_token> tokens;
    float                    score;
    int                      parent = 0; // the running beam it continues
};

// The best `count` continuations of the running beams, by log-probability of the whole sequence.
std::vector<BeamSearch::Beam> BeamSearch::best_continuations(const std::vector<Beam> & running, const std::vector<std::vector<float>> & logits, size_t count) {
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
        Beam beam{running[size_t(candidates[i].beam)].tokens, candidates[i].score, candidates[i].beam};
        beam.tokens.push_back(candidates[i].token);
        best.push_back(std::move(beam));
    }
    return best;
}

void BeamSearch::keep_best(std::vector<Beam> & beams, size_t count) {
    std::stable_sort(beams.begin(), beams.end(), [](const Beam & a, const Beam & b) { return a.score > b.score; });
    if (beams.size() > count) beams.resize(count);
}

// The sequences of the running beams in the cache. Two sets of ids take turns, so that a beam may have several heirs.
class BeamSearch::Sequences {
public:
    Sequences(const Model & model, llama_context * context, int beams) : model_(model), context_(context), beams_(beams) {}

    // Feeds each beam's last token and collects the logits after it.
    void advance(const std::vector<Beam> & beams, size_t position, std::vector<std::vector<float>> & logits) {
        llama_memory_t memory = llama_get_memory(context_);
        const int next = current_ == 0 ? beams_ : 0;
        for (size_t i = 0; i < beams.size(); ++i) llama_memory_seq_cp(memory, current_ + beams[i].parent, next + int(i), -1, -1);
        for (int i = 0; i < beams_; ++i) llama_memory_seq_rm(memory, current_ + i, -1, -1);
        current_ = next;

        Batch batch(model_.width(), beams.size());
        for (size_t i = 0; i < beams.size(); ++i)
            model_.embedding(beams[i].tokens.back(), batch.add(llama_pos(position), current_ + int(i), Output::LOGITS));
        check_decoded(batch.decode(context_), "computing the beams");
        logits.clear();
        for (size_t i = 0; i < beams.size(); ++i) {
            logits.push_back(checked(llama_get_logits_ith(context_, int32_t(i)), model_.vocabulary()));
        }
    }

private:
    const Model   & model_;
    llama_context * context_;
    int             beams_;
    int             current_ = 0; // first id of the set in use
};

BeamSearch::BeamSearch(const Model & model, const Prefix & prefix, const std::vector<Features> & images, const BeamOptions & options)
    : model_(model), options_(options), prefix_(prefix.ids.size()),
      context_(model.make_context({int(prefix_) + options.beams * options.max_tokens, 2 * options.beams, options.float32_cache, /*shared*/ true, /*batch*/ int(prefix_)})),
      sequences_(std::make_unique<Sequences>(model, context_.get(), options.beams)) {
    Batch batch(model.width(), prefix.ids.size() - prefix.image_tokens);
    add_prefix(batch, context_.get(), 0, model, prefix, images, Output::LOGITS);
    check_decoded(batch.decode(context_.get()), "computing the prefix");
    logits_.push_back(checked(llama_get_logits_ith(context_.get(), -1), model.vocabulary()));
    running_.push_back(Beam{{}, 0.0f, 0}); // one beam first: all would say the same
}

BeamSearch::~BeamSearch() = default;

bool BeamSearch::step() {
    const size_t count = size_t(options_.beams);
    if (length_ > 0) sequences_->advance(running_, prefix_ + size_t(length_) - 1, logits_);
    ++length_;
    // Twice as many as beams: each beam may end once, and as many must be left to go on.
    std::vector<Beam> candidates = best_continuations(running_, logits_, 2 * count);
    const float length = std::pow(float(length_), options_.length_penalty);
    std::vector<Beam> open;
    for (size_t i = 0; i < candidates.size(); ++i) {
        Beam & beam = candidates[i];
        if (length_ < options_.max_tokens && beam.tokens.back() != model_.eos()) {
            open.push_back(std::move(beam));
        } else if (i < count) { // a beam that ends counts only while it is among the best
            beam.score /= length;
            finished_.push_back(std::move(beam));
        }
    }
    keep_best(finished_, count);
    keep_best(open, count);
    running_ = std::move(open);
    if (running_.empty()) return true;
    // Could the best running beam, were it to end now, still replace a finished one?
    return finished_.size() == count && running_[0].score / length <= finished_.back().score;
}

const std::vector<llama_token> & BeamSearch::tokens() const {
    return finished_[0].tokens;
}

float BeamSearch::score() const {
    return finished_[0].score;
}

} // namespace paligemma
