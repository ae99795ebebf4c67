#include "base/as_card.h"

#include <cstdlib>
#include <sstream>
#include <string>

namespace paligemma {

bool as_on_card(const char * what, bool card) {
    const char *       asked = std::getenv("PALIGEMMA_AS_CARD");
    std::istringstream list(asked ? asked : "");
    for (std::string entry; std::getline(list, entry, ',');) {
        if (entry == what) return true;
        if (entry == std::string("no-") + what) return false;
    }
    return card;
}

} // namespace paligemma
