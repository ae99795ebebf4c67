// What is done on graphics cards alone, done on the processor, to test it: nobody has to have a card for that. And left out on a card,
// to measure what it is worth.
#pragma once

namespace paligemma {

// Whether to do `what`: on a card, unless the environment variable PALIGEMMA_AS_CARD says otherwise, several things after commas.
// "draws": tokens are drawn from what was found of the logits where they are. "vision": pictures are encoded beside prefixes and
// tokens. "no-draws", "no-vision": not so.
bool as_on_card(const char * what, bool card);

} // namespace paligemma
