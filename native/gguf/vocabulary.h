// The vocabulary in a model file, held to what llama.cpp's tokenizer takes for granted.
#pragma once

#include "gguf/header.h"

namespace paligemma {

// Returns the number of tokens. The header's keys have been judged. Throws Refusal.
size_t judge_vocabulary(const GgufHeader & header);

} // namespace paligemma
