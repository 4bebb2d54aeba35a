// Preloaded into a program under test: counts the calls by which it changes what is beneath one directory, and makes
// one of them fail, writes short, or the program's death come before one. See fault_page.h.
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/integration/faults/fault_page.h"

namespace {

using polygon::faults::Call;
using polygon::faults::Page;
namespace faults = polygon::faults;

Page* g_page = nullptr;
std::string* g_below = nullptr;  // never freed: calls come until the very end

// Straight to the kernel: none of what follows may call itself.
__attribute__((constructor)) void begin() {
    const char* page = std::getenv(faults::kPageVariable);
    const char* below = std::getenv(faults::kBelowVariable);
    if (page == nullptr || below == nullptr) return;
    const auto fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, page, O_RDWR | O_CLOEXEC));
    void* memory = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || memory == MAP_FAILED) {
        std::fprintf(stderr, "fault library: cannot map '%s'\n", page);
        std::abort();
    }
    ::syscall(SYS_close, fd);
    g_below = new std::string(below);
    g_page = static_cast<Page*>(memory);
    std::int32_t nobody = 0;
    g_page->first_process.compare_exchange_strong(nobody, ::getpid());
}

std::string path_of(int fd) {
    char target[PATH_MAX];
    const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target, sizeof target);
    return length < 0 ? std::string() : std::string(target, static_cast<std::size_t>(length));
}

std::string path_of(int directory, const char* name) {
    if (name[0] == '/' || directory == AT_FDCWD) return name;
    return path_of(directory) + "/" + name;
}

// False, with errno set, if the call is not to be made.
bool permits(Call call, const std::string& path) {
    if (g_page == nullptr || !path.starts_with(*g_below)) return true;
    const std::uint32_t number = ++g_page->counts[call];
    if (++g_page->all_calls == g_page->killed_at) ::kill(g_page->first_process, SIGKILL);
    if (call != g_page->failing_call || number != g_page->failing_at) return true;
    std::strncpy(g_page->failed_path, path.c_str(), sizeof g_page->failed_path - 1);
    g_page->has_failed = 1;
    errno = g_page->failing_with;
    return false;
}

// The same for a write, of which less may be permitted than was asked for.
bool permits_write(int fd, std::size_t& bytes) {
    const std::string path = g_page == nullptr ? std::string() : path_of(fd);
    if (!permits(faults::write, path)) return false;
    if (g_page == nullptr || !path.starts_with(*g_below)) return true;
    if (g_page->interrupted_every != faults::kNever && g_page->counts[faults::write] % g_page->interrupted_every == 0) {
        errno = EINTR;
        return false;
    }
    if (g_page->most_bytes != 0 && bytes > g_page->most_bytes) bytes = g_page->most_bytes;
    return true;
}

// False, with errno set, for a file that cannot be read. Reads are not counted.
bool is_readable(const std::string& path, bool is_look) {
    if (g_page == nullptr || g_page->unreadable_with == 0 || (g_page->fails_look == 1) != is_look) return true;
    if (!path.starts_with(*g_below) || !path.ends_with(g_page->unreadable)) return true;
    g_page->has_failed = 1;
    errno = g_page->unreadable_with;
    return false;
}

bool is_written_to(int fd) {
    return (::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

template <class Function>
Function* next(Function* /*its_type*/, const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
    static const auto original = next(&::write, "write");
    return permits_write(fd, count) ? original(fd, bytes, count) : -1;
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
    static const auto original = next(&::pwrite, "pwrite");
    return permits_write(fd, count) ? original(fd, bytes, count, offset) : -1;
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
    static const auto original = next(&::pwrite64, "pwrite64");
    return permits_write(fd, count) ? original(fd, bytes, count, offset) : -1;
}

ssize_t writev(int fd, const iovec* parts, int count) {
    static const auto original = next(&::writev, "writev");
    std::size_t bytes = SIZE_MAX;
    if (!permits_write(fd, bytes)) return -1;
    if (bytes == SIZE_MAX || count == 0) return original(fd, parts, count);
    return write(fd, parts[0].iov_base, parts[0].iov_len);
}

// Flushing is counted and not done: nothing here outlives a crash of the machine, and on a shared disk a thousand
// restores would wait for whatever else is being written.
int fsync(int fd) {
    return permits(faults::flush, path_of(fd)) ? 0 : -1;
}

int fdatasync(int fd) {
    return permits(faults::flush, path_of(fd)) ? 0 : -1;
}

int syncfs(int fd) {
    return permits(faults::flush_all, path_of(fd)) ? 0 : -1;
}

int rename(const char* from, const char* to) {
    static const auto original = next(&::rename, "rename");
    return permits(faults::rename, to) ? original(from, to) : -1;
}

int renameat(int from_directory, const char* from, int to_directory, const char* to) {
    static const auto original = next(&::renameat, "renameat");
    if (!permits(faults::rename, path_of(to_directory, to))) return -1;
    return original(from_directory, from, to_directory, to);
}

int openat(int directory, const char* name, int flags, ...) {
    static const auto original = next(&::openat, "openat");
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if ((flags & O_CREAT) != 0 && !permits(faults::create, path_of(directory, name))) return -1;
    if ((flags & O_ACCMODE) == O_RDONLY && !is_readable(path_of(directory, name), false)) return -1;
    return original(directory, name, flags, mode);
}

int lstat(const char* name, struct stat* found) {
    static const auto original = next(&::lstat, "lstat");
    return is_readable(name, true) ? original(name, found) : -1;
}

int lstat64(const char* name, struct stat64* found) {
    static const auto original = next(&::lstat64, "lstat64");
    return is_readable(name, true) ? original(name, found) : -1;
}

int open(const char* name, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return openat(AT_FDCWD, name, flags, mode);
}

int openat64(int directory, const char* name, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return openat(directory, name, flags, mode);
}

int open64(const char* name, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return openat(AT_FDCWD, name, flags, mode);
}

// openat2(2), for which older glibc has no function.
long syscall(long number, ...) {
    static const auto original = next(&::syscall, "syscall");
    va_list rest;
    va_start(rest, number);
    long arguments[6];
    for (long& argument : arguments)
        argument = va_arg(rest, long);
    va_end(rest);
#ifdef SYS_openat2
    if (number == SYS_openat2) {
        const auto flags = *reinterpret_cast<const std::uint64_t*>(arguments[2]);  // open_how begins with them
        const auto* name = reinterpret_cast<const char*>(arguments[1]);
        const auto directory = static_cast<int>(arguments[0]);
        if ((flags & O_CREAT) != 0 && !permits(faults::create, path_of(directory, name))) return -1;
    }
#endif
    return original(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

int mkdir(const char* name, mode_t mode) {
    static const auto original = next(&::mkdir, "mkdir");
    return permits(faults::make_directory, name) ? original(name, mode) : -1;
}

int mkdirat(int directory, const char* name, mode_t mode) {
    static const auto original = next(&::mkdirat, "mkdirat");
    return permits(faults::make_directory, path_of(directory, name)) ? original(directory, name, mode) : -1;
}

int fallocate(int fd, int how, off_t offset, off_t length) {
    static const auto original = next(&::fallocate, "fallocate");
    return permits(faults::allocate, path_of(fd)) ? original(fd, how, offset, length) : -1;
}

int ftruncate(int fd, off_t length) {
    static const auto original = next(&::ftruncate, "ftruncate");
    return permits(faults::cut, path_of(fd)) ? original(fd, length) : -1;
}

int symlinkat(const char* target, int directory, const char* name) {
    static const auto original = next(&::symlinkat, "symlinkat");
    return permits(faults::link, path_of(directory, name)) ? original(target, directory, name) : -1;
}

int symlink(const char* target, const char* name) {
    static const auto original = next(&::symlink, "symlink");
    return permits(faults::link, name) ? original(target, name) : -1;
}

int fchmod(int fd, mode_t bits) {
    static const auto original = next(&::fchmod, "fchmod");
    return permits(faults::mode, path_of(fd)) ? original(fd, bits) : -1;
}

// The descriptor is closed all the same, as the kernel does it.
int close(int fd) {
    static const auto original = next(&::close, "close");
    const bool is_permitted = g_page == nullptr || !is_written_to(fd) || permits(faults::close, path_of(fd));
    const int reason = errno;
    const int result = original(fd);
    if (is_permitted) return result;
    errno = reason;
    return -1;
}

int unlink(const char* name) {
    static const auto original = next(&::unlink, "unlink");
    return permits(faults::remove, name) ? original(name) : -1;
}

}  // extern "C"
