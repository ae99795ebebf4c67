#include "base/utf8.h"

namespace paligemma {

bool is_utf8(const std::string & bytes) {
    for (size_t i = 0; i < bytes.size();) {
        const auto at = [&](size_t k) { return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u; };
        const unsigned first = at(0);
        if (first < 0x80) {
            ++i;
            continue;
        }
        const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
        if (first < 0xC2 || first > 0xF4) return false;
        for (size_t k = 1; k < length; ++k) {
            if ((at(k) & 0xC0) != 0x80) return false;
        }
        const unsigned second = at(1);
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return false;
        if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return false;
        i += length;
    }
    return true;
}

} // namespace paligemma
