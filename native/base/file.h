// Files by their parts, on every platform: positions beyond 4 GB, errors as exceptions that name the file.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

namespace paligemma {

class File {
public:
    // `mode` as of fopen. Throws std::runtime_error "<path>: <reason>", as all of this class does.
    File(const std::string & path, const char * mode);

    const std::string & path() const { return path_; }

    uint64_t size();
    // The file's bytes from `offset` on; false when it ends before.
    bool read(uint64_t offset, void * data, size_t size);
    void write(uint64_t offset, const void * data, size_t size);
    // Returns when everything written is on the disk.
    void flush();

private:
    struct Close {
        void operator()(FILE * file) const { std::fclose(file); }
    };

    [[noreturn]] void fail() const;
    void seek(uint64_t offset, int whence);

    std::string                  path_;
    std::unique_ptr<FILE, Close> file_;
};

} // namespace paligemma
