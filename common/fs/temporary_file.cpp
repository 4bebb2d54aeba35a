#include "common/fs/temporary_file.h"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace polygon::fs {

Result<TemporaryFile> TemporaryFile::make(const std::string& name) {
    const char* directory = std::getenv("TMPDIR");
    std::string path = fmt::format("{}/{}-XXXXXX", directory != nullptr ? directory : "/tmp", name);
    const Fd file(mkostemp(path.data(), O_CLOEXEC));
    if (!file.is_open()) {
        return errno_error(Errc::io, fmt::format("cannot make a temporary file '{}'", path), errno,
                           "Set TMPDIR to a directory that can be written.");
    }
    return TemporaryFile(path);
}

TemporaryFile::~TemporaryFile() {
    if (!path_.empty()) unlink(path_.c_str());
}

}  // namespace polygon::fs
