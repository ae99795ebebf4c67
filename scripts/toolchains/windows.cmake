# Clang over the headers and libraries of MinGW-w64, for Windows on x64: apt-get install clang-19 lld-19 llvm-19
# g++-mingw-w64-x86-64-posix. Not GCC: it does not align the stack for AVX on Windows (its bug 54412).
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(triple x86_64-w64-mingw32)
set(CMAKE_C_COMPILER clang-19)
set(CMAKE_CXX_COMPILER clang++-19)
set(CMAKE_RC_COMPILER ${triple}-windres)
set(CMAKE_C_COMPILER_TARGET ${triple})
set(CMAKE_CXX_COMPILER_TARGET ${triple})
# GCC made libstdc++, whose thread-local variables are emulated ones. Not as CMAKE_CXX_FLAGS_INIT, which cmake-js overrides.
add_compile_options(-femulated-tls -isystem "${CMAKE_CURRENT_LIST_DIR}/mingw")
# Nothing of MinGW is needed where the result runs.
foreach(kind EXE SHARED MODULE)
  set(CMAKE_${kind}_LINKER_FLAGS_INIT "-fuse-ld=lld-19 -static -pthread")
endforeach()
# Of import libraries that GNU's makes, the linker cannot delay the loading.
find_program(CMAKE_DLLTOOL llvm-dlltool-19)
set(CMAKE_FIND_ROOT_PATH /usr/${triple})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
