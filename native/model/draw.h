// Draws tokens at a temperature: from all logits, or on a card from little that was found of them where they are.
#pragma once

#include <functional>
#include <optional>
#include <random>
#include <vector>

#include "llama-cpp.h"
#include "model/batch.h"
#include "model/choice.h"

namespace paligemma {

// Whatever it draws from, the tokens are the same, but for equal logits among those that cuts leave: llama.cpp has these in an order
// that depends on its sorting, on a card they stand in the order of the vocabulary. A draw that what was found does not decide for
// sure is left to all logits: three in a hundred at temperature 1 where the model is about as sure as in a caption, nearly all where
// it knows nothing. test/native/draw_test.cpp holds it to this and counts them.
class Draw {
public:
    explicit Draw(const Sampled & choice);

    // What mostly decides a draw: the largest logits (BEST), shares of blocks (SHARES), or nothing less than all (LOGITS).
    Output enough(size_t vocabulary) const;
    float  temperature() const { return temperature_; }

    // On the processor. Minus infinity: cannot come. Throws Failure when none can.
    llama_token from_all(const float * logits, size_t vocabulary);
    // On a card, after what was found has not decided.
    llama_token from_row(const std::vector<float> & logits);

    // Nothing: not decided, and nothing is drawn. BEST: some of the largest logits in any order, and their probabilities at the
    // temperature.
    std::optional<llama_token> from_best(const llama_token * tokens, const float * logits, const float * probabilities, size_t count);

    // SHARES: the probabilities at the temperature of blocks of SHARE_BLOCK tokens. `part` is called at most once, for the logits
    // of one block.
    using Part = std::function<std::vector<float>(size_t first, size_t count)>;
    std::optional<llama_token> from_shares(const float * shares, size_t vocabulary, const Part & part);

private:
    bool                  cuts() const { return top_k_ > 0 || top_p_ < 1.0f; }
    std::optional<size_t> nucleus(const float * probabilities, size_t count) const; // of candidates_
    void                  take_all(const float * logits, size_t vocabulary);
    void                  sort_candidates();
    llama_token           finish(const llama_token_data_array & array);

    const float                            temperature_;
    const int                              top_k_;
    const float                            top_p_;
    llama_sampler_ptr                      chain_;
    llama_sampler *                        last_;   // of the chain: draws one of those that the cuts leave
    std::mt19937                           random_; // in step with its own
    std::uniform_real_distribution<double> uniform_{0.0, 1.0};
    double                                 number_ = 0.0; // that decides the next draw
    std::vector<llama_token_data>          candidates_;
};

} // namespace paligemma
