#include "tests/integration/faults/faulty_run.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <new>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/backup/checksum.h"
#include "tests/support/catch.h"

namespace polygon::faults {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

Deadline soon() {
    return Deadline(system_clock(), 120s);
}

std::string describe(const stdfs::path& path) {
    if (stdfs::is_symlink(path)) return "-> " + stdfs::read_symlink(path).string();
    if (stdfs::is_directory(path)) {
        return fmt::format("directory {:o}", static_cast<unsigned>(stdfs::status(path).permissions()));
    }
    return backup::checksum_of(backup::ChecksumAlgorithm::sha256, fs::read_file(path).value_or("unreadable"));
}

}  // namespace

bool is_supported() {
#ifdef POLYGON_SANITIZED
    WARN("skipped: a sanitizer's runtime has to be the first library of a program, so nothing is preloaded");
    return false;
#else
    return true;
#endif
}

FaultPage::FaultPage(const fs::Path& file) : file_(file) {
    const fs::Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    REQUIRE(fd.is_open());
    REQUIRE(::ftruncate(fd.get(), sizeof(Page)) == 0);
    void* memory = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    REQUIRE(memory != MAP_FAILED);
    page_ = new (memory) Page{};
}

FaultPage::~FaultPage() {
    ::munmap(page_, sizeof(Page));
    ::unlink(file_.c_str());
}

process::Finished restore_with(const FaultPage& page, const fs::Path& below, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {POLYGON_BOOTSTRAP, "restore"});
    const auto done = process::run({.argv = std::move(arguments),
                                    .environment = process::Environment{{"PATH", ::getenv("PATH")},
                                                                        {"LD_PRELOAD", POLYGON_FAULT_LIBRARY},
                                                                        {kPageVariable, page.file()},
                                                                        {kBelowVariable, below}}},
                                   system_clock(), soon());
    REQUIRE(done.has_value());
    return *done;
}

std::vector<std::string> inventory(const fs::Path& directory) {
    std::vector<std::string> lines;
    if (!stdfs::exists(directory)) return lines;
    for (const auto& entry : stdfs::recursive_directory_iterator(directory)) {
        lines.push_back(
            fmt::format("{}: {}", entry.path().lexically_relative(directory).string(), describe(entry.path())));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

void wait_until_unlocked(const fs::Path& directory) {
    const fs::Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.is_open()) return;
    REQUIRE(wait_until(system_clock(), soon(), 1ms, [&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0; }));
}

}  // namespace polygon::faults
