// Failures on purpose, to test what follows from them: nobody else can make a card run out of memory at a given moment.
#pragma once

namespace paligemma {

enum class Fault {
    NONE,
    MEMORY, // as when an allocation fails
    ERROR,  // as when a computation fails
};

// What the environment variable PALIGEMMA_FAULTS asks for at this call for `place`: "decode:memory:3" at the third one,
// "decode:memory:/50" at every fiftieth, several after commas. `place` is prefix, encode, decode or masks; beside memory and
// error there is abort, which ends the process inside ggml. Without the variable: NONE, at the cost of a comparison.
Fault fault_at(const char * place);

// Throws what the fault stands for.
void fail_on_purpose(const char * place);

} // namespace paligemma
