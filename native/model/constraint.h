// Which tokens may come next, so that an answer to `detect` or `segment` is well formed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/model.h"

namespace paligemma {

// The language: nothing, or objects joined by " ; ", each four locations, then for segments sixteen mask codes, then a
// space and one of the labels. Locations and codes are single tokens; the text between them may be cut into tokens in any
// way, so an answer that is well formed already is never changed.
class Constraint {
public:
    Constraint(const Model & model, std::vector<std::string> labels, bool segment);

    // Sets the logits of all tokens that may not come next to minus infinity.
    void apply(std::vector<float> & logits) const;
    void accept(llama_token token);

    // What may come next: locations first, in their order. Valid until the next token is accepted.
    const std::vector<llama_token> & allowed() const;

private:
    std::vector<llama_token> allowed_text() const;

    enum Part { LOCATIONS, CODES, TEXT };

    const Model            & model_;
    std::vector<std::string> tails_; // what may follow the marks of an object: " label ; "
    const bool               segment_;
    std::string              separator_ = " ; ";

    Part        part_  = LOCATIONS;
    int         count_ = 0;     // marks of this part so far
    bool        first_ = true;  // of the first object nothing has come yet
    std::string text_;          // of this object so far

    mutable std::map<std::string, std::vector<llama_token>> known_; // by text_
    mutable std::vector<llama_token>                        start_; // a location or the end
};

} // namespace paligemma
