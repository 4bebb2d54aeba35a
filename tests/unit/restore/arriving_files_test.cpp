#include "bootstrap/restore/sources/arriving_files.h"

#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;
using backup::ChecksumAlgorithm;

void write(const fs::Path& path, const std::string& content, std::ios::openmode mode = std::ios::trunc) {
    stdfs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::out | mode) << content;
}

// Once more until it shows: the time stamps of some kernels move every few milliseconds only.
void write_later(const fs::Path& path, const std::string& content) {
    struct stat before = {};
    struct stat now = {};
    REQUIRE(::stat(path.c_str(), &before) == 0);
    do {
        write(path, content);
        REQUIRE(::stat(path.c_str(), &now) == 0);
    } while (now.st_ctim.tv_sec == before.st_ctim.tv_sec && now.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
}

std::string crc32c(const std::string& content) {
    return backup::checksum_of(ChecksumAlgorithm::crc32c, content);
}

TEST_CASE("knows what came, in directories that were made meanwhile too, by any path") {
    const support::Scratch scratch;
    const fs::Path data = scratch.path() / "data";
    const fs::Path fast = scratch.path() / "fast";
    stdfs::create_directories(data);
    stdfs::create_directories(fast);
    ArrivingFiles arriving({data, fast}, ChecksumAlgorithm::crc32c);
    write(data / "PG_VERSION", "15\n");
    for (int i = 0; i < 200; ++i)
        write(data / "base" / std::to_string(i % 7) / std::to_string(i), std::string(i * 100, 'x'));
    write(fast / "PG_15/5/1", "tablespace");
    stdfs::create_directory_symlink(fast, data / "link");
    arriving.finish();
    CHECK(arriving.checksum_of(data / "PG_VERSION", ChecksumAlgorithm::crc32c) == crc32c("15\n"));
    for (int i = 0; i < 200; ++i) {
        INFO(i);
        const fs::Path file = data / "base" / std::to_string(i % 7) / std::to_string(i);
        CHECK(arriving.checksum_of(file, ChecksumAlgorithm::crc32c) == crc32c(std::string(i * 100, 'x')));
    }
    CHECK(arriving.checksum_of(data / "link/PG_15/5/1", ChecksumAlgorithm::crc32c) == crc32c("tablespace"));
}

TEST_CASE("knows nothing of what has changed since, of what was not there, of WAL and of another algorithm") {
    const support::Scratch scratch;
    ArrivingFiles arriving({scratch.path()}, ChecksumAlgorithm::crc32c);
    const auto known = [&](const char* name) {
        return arriving.checksum_of(scratch.path() / name, ChecksumAlgorithm::crc32c);
    };
    for (const char* name : {"kept", "longer", "same-length", "replaced", "removed", "pg_wal/000000010000000000000001"})
        write(scratch.path() / name, "content");
    arriving.finish();
    write(scratch.path() / "longer", "and more", std::ios::app);
    write_later(scratch.path() / "same-length", "CONTENT");
    write(scratch.path() / "new", "content");
    stdfs::rename(scratch.path() / "new", scratch.path() / "replaced");
    stdfs::remove(scratch.path() / "removed");
    CHECK(known("kept") == crc32c("content"));
    CHECK_FALSE(known("longer").has_value());
    CHECK_FALSE(known("same-length").has_value());
    CHECK_FALSE(known("replaced").has_value());
    CHECK_FALSE(known("removed").has_value());
    CHECK_FALSE(known("never").has_value());
    CHECK_FALSE(known("pg_wal/000000010000000000000001").has_value());
    CHECK_FALSE(arriving.checksum_of(scratch.path() / "kept", ChecksumAlgorithm::sha256).has_value());
}

TEST_CASE("a file that is written on after it was read is read again") {
    const support::Scratch scratch;
    ArrivingFiles arriving({scratch.path()}, ChecksumAlgorithm::crc32c);
    write(scratch.path() / "file", "first");
    write(scratch.path() / "file", " second", std::ios::app);
    arriving.finish();
    CHECK(arriving.checksum_of(scratch.path() / "file", ChecksumAlgorithm::crc32c) == crc32c("first second"));
}

TEST_CASE("a directory that cannot be watched is no error") {
    const support::Scratch scratch;
    ArrivingFiles arriving({scratch.path() / "absent"}, ChecksumAlgorithm::crc32c);
    arriving.finish();
    CHECK_FALSE(arriving.checksum_of(scratch.path() / "absent/file", ChecksumAlgorithm::crc32c).has_value());
}

}  // namespace
}  // namespace polygon::bootstrap
