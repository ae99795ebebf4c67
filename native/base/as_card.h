// What is done on graphics cards alone, done on the processor, to test it: nobody has to have a card for that.
#pragma once

namespace paligemma {

// Whether the environment variable PALIGEMMA_AS_CARD asks for `what`: "draws" (tokens are drawn from what was found of the logits
// where they are), "vision" (pictures are encoded beside prefixes and tokens). Several after commas.
bool as_on_card(const char * what);

} // namespace paligemma
