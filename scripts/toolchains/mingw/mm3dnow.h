// MinGW-w64's intrin.h includes this, and clang 19 warns of it every time. Nothing here uses 3DNow.
