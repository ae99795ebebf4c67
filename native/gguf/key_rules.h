// The keys that a model file may have, with their types and ranges. llama.cpp and clip read many more, for other models, and
// end the process on some values of these.
#pragma once

#include <string>
#include <vector>

#include "gguf/header.h"

namespace paligemma {

struct KeyRule {
    std::string key;
    gguf_type   type;
    gguf_type   of;          // of an array's elements
    double      least, most; // of numbers and truth values
    std::string only;        // of texts: the one that is computed; empty: any
    bool        required;
};

// `architecture`: gemma or gemma2.
std::vector<KeyRule> text_rules(const std::string & architecture);
std::vector<KeyRule> vision_rules();

// Holds every key to its rule. Keys without one are refused where llama.cpp or clip would read them, which is in the `spaces`
// ("gemma."); elsewhere they are somebody's notes. Throws Refusal.
void judge_keys(const GgufHeader & header, const std::vector<KeyRule> & rules, const std::vector<std::string> & spaces);

} // namespace paligemma
