#include "base/file.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "ggml.h"

#ifdef _WIN32
#include <io.h>
#else
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>
#endif

namespace paligemma {

File::File(const std::string & path, const char * mode) : path_(path), file_(ggml_fopen(path.c_str(), mode)) {
    if (!file_) fail();
    // Blocks are large already, and a buffer would read more than is asked for at every strided step.
    std::setvbuf(file_.get(), nullptr, _IONBF, 0);
}

void File::fail() const {
    throw std::runtime_error(path_ + ": " + std::strerror(errno));
}

void File::seek(uint64_t offset, int whence) {
#ifdef _WIN32
    const int failed = _fseeki64(file_.get(), int64_t(offset), whence);
#else
    const int failed = fseeko(file_.get(), off_t(offset), whence);
#endif
    if (failed) fail();
}

uint64_t File::size() {
    seek(0, SEEK_END);
#ifdef _WIN32
    return uint64_t(_ftelli64(file_.get()));
#else
    return uint64_t(ftello(file_.get()));
#endif
}

bool File::read(uint64_t offset, void * data, size_t size) {
    seek(offset, SEEK_SET);
    if (std::fread(data, 1, size, file_.get()) == size) return true;
    if (std::ferror(file_.get())) fail();
    return false;
}

void File::write(uint64_t offset, const void * data, size_t size) {
    seek(offset, SEEK_SET);
    if (size && std::fwrite(data, 1, size, file_.get()) != size) fail();
#ifdef __linux__
    // Starts the disk now, so that flush() finds little left to do.
    sync_file_range(fileno(file_.get()), off_t(offset), off_t(size), SYNC_FILE_RANGE_WRITE);
#endif
}

void File::flush() {
#ifdef _WIN32
    const int failed = std::fflush(file_.get()) || _commit(_fileno(file_.get()));
#else
    const int failed = std::fflush(file_.get()) || fsync(fileno(file_.get()));
#endif
    if (failed) fail();
}

} // namespace paligemma
