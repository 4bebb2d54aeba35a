// Preloaded into a node's programs: while a file is there, what they write below a directory meets a full disk. No
// mount and no privilege is needed for it. Files can still be made, renamed and removed, as on most full disks.
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

// A copy, never freed: PostgreSQL writes the title of a process over its first environment (ps_status.c).
const char* copy_variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? nullptr : ::strdup(value);
}

const char* const g_sign = copy_variable("STAND_FULL_DISK_SIGN");
const char* const g_below = copy_variable("STAND_FULL_DISK_BELOW");

bool is_below(int fd) {
    char link[32] = "/proc/self/fd/";
    char digits[12];
    int length = 0;
    for (int rest = fd; rest > 0 || length == 0; rest /= 10)
        digits[length++] = static_cast<char>('0' + rest % 10);
    for (char* end = link + std::strlen(link); length > 0; *++end = '\0')
        *end = digits[--length];
    char target[PATH_MAX];
    const ssize_t size = ::readlink(link, target, sizeof target - 1);
    if (size < 0) return false;
    target[size] = '\0';
    return std::strncmp(target, g_below, std::strlen(g_below)) == 0;
}

// With errno set, if there is no room for what is to be written.
bool is_full(int fd) {
    if (g_sign == nullptr || g_below == nullptr) return false;
    const int before = errno;
    const bool full = fd > 2 && ::access(g_sign, F_OK) == 0 && is_below(fd);
    errno = full ? ENOSPC : before;
    return full;
}

template <class Function>
Function* next(Function* /*its_type*/, const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
    static const auto original = next(&::write, "write");
    return is_full(fd) ? -1 : original(fd, bytes, count);
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
    static const auto original = next(&::pwrite, "pwrite");
    return is_full(fd) ? -1 : original(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
    static const auto original = next(&::pwrite64, "pwrite64");
    return is_full(fd) ? -1 : original(fd, bytes, count, offset);
}

ssize_t writev(int fd, const iovec* parts, int count) {
    static const auto original = next(&::writev, "writev");
    return is_full(fd) ? -1 : original(fd, parts, count);
}

ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
    static const auto original = next(&::pwritev, "pwritev");
    return is_full(fd) ? -1 : original(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const iovec* parts, int count, off64_t offset) {
    static const auto original = next(&::pwritev64, "pwritev64");
    return is_full(fd) ? -1 : original(fd, parts, count, offset);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
    static const auto original = next(&::fallocate, "fallocate");
    return is_full(fd) ? -1 : original(fd, mode, offset, length);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    static const auto original = next(&::fallocate64, "fallocate64");
    return is_full(fd) ? -1 : original(fd, mode, offset, length);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
    static const auto original = next(&::posix_fallocate, "posix_fallocate");
    return is_full(fd) ? ENOSPC : original(fd, offset, length);
}

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    static const auto original = next(&::posix_fallocate64, "posix_fallocate64");
    return is_full(fd) ? ENOSPC : original(fd, offset, length);
}
}
