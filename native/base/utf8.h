#pragma once

#include <string>

namespace paligemma {

// Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(const std::string & bytes);

} // namespace paligemma
