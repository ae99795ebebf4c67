// On Windows Node-API's functions are the executable's. The linker knows that as node.exe; an Electron application has a name of
// its own. So they are looked up when they are first called, in whatever this process was started from.
#include <windows.h>
// (in this order)
#include <delayimp.h>

namespace {

FARPROC WINAPI find_executable(unsigned event, PDelayLoadInfo info) {
    if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "node.exe") != 0) return nullptr;
    return reinterpret_cast<FARPROC>(GetModuleHandleW(nullptr));
}

} // namespace

extern "C" PfnDliHook __pfnDliNotifyHook2 = find_executable;
