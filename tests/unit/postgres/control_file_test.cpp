#include "common/postgres/control_file.h"

#include <chrono>
#include <cstring>
#include <ctime>

#include <isa-l/crc.h>
#include <unistd.h>

#include "common/fs/file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::postgres {
namespace {

// A control file as PostgreSQL lays it out, with its CRC where that version has it.
std::string make_control_file(std::uint32_t version, std::size_t crc_at, std::uint32_t block_bytes = 8192) {
    std::string bytes(8192, '\0');
    const std::uint64_t identifier = 7423000000000000001ULL;
    const std::uint32_t state = 1;
    const std::uint32_t timeline = 3;
    std::memcpy(bytes.data(), &identifier, 8);
    std::memcpy(bytes.data() + 8, &version, 4);
    std::memcpy(bytes.data() + 16, &state, 4);
    std::memcpy(bytes.data() + 48, &timeline, 4);
    const double float_format = 1234567.0;
    std::memcpy(bytes.data() + 208, &float_format, 8);
    std::memcpy(bytes.data() + 216, &block_bytes, 4);
    bytes[248] = 1;    // float8 by value
    bytes[249] = 'x';  // padding, which may hold anything
    const std::uint32_t crc =
        ~crc32_iscsi(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(crc_at), ~0U);
    std::memcpy(bytes.data() + crc_at, &crc, 4);
    return bytes;
}

struct Directory {
    support::Scratch scratch;
    explicit Directory(const std::string& bytes) {
        std::filesystem::create_directory(scratch.path() / "global");
        REQUIRE(fs::write_file_durably(scratch.path() / "global" / "pg_control", bytes).has_value());
    }
};

TEST_CASE("reads the control files of PostgreSQL 15, 17 and 18") {
    for (const auto& [version, crc_at] : {std::pair{1300U, 288U}, std::pair{1700U, 288U}, std::pair{1800U, 292U}}) {
        const Directory directory(make_control_file(version, crc_at));
        const auto control = read_control_file(directory.scratch.path());
        REQUIRE(control.has_value());
        CHECK(control->system_identifier == 7423000000000000001ULL);
        CHECK(control->state == ClusterState::shut_down);
        CHECK(control->timeline == 3);
    }
}

TEST_CASE("reads a block size that is not the usual one from every version's control file") {
    for (const auto& [version, crc_at] : {std::pair{1300U, 288U}, std::pair{1700U, 288U}, std::pair{1800U, 292U}}) {
        const Directory directory(make_control_file(version, crc_at, 32768));
        const auto control = read_control_file(directory.scratch.path());
        REQUIRE(control.has_value());
        CHECK(control->format.control_version == version);
        CHECK(control->format.block_bytes == 32768);
        CHECK(control->format.wal_block_bytes == 0);
        CHECK(control->format.float8_by_value == 1);
    }
}

TEST_CASE("changes the system identifier and nothing else, with a CRC that checks") {
    const std::string before = make_control_file(1800, 292);
    const Directory directory(before);
    REQUIRE(replace_system_identifier(directory.scratch.path(), 42).has_value());
    CHECK(read_control_file(directory.scratch.path())->system_identifier == 42);
    const std::string after = *fs::read_file(directory.scratch.path() / "global" / "pg_control");
    REQUIRE(after.size() == before.size());
    CHECK(after.substr(8, 284) == before.substr(8, 284));
    CHECK(after.substr(296) == before.substr(296));
}

TEST_CASE("refuses a control file whose CRC does not check") {
    std::string bytes = make_control_file(1300, 288);
    bytes[100] ^= 1;
    const Directory directory(bytes);
    const auto control = read_control_file(directory.scratch.path());
    REQUIRE_FALSE(control.has_value());
    CHECK(control.error().code == Errc::data_directory_invalid);
    CHECK_THAT(control.error().message, ContainsText("does not match its CRC"));
    CHECK_FALSE(replace_system_identifier(directory.scratch.path(), 42).has_value());
}

TEST_CASE("refuses a control file of a version that it does not know, and one that is short") {
    const Directory unknown(make_control_file(1900, 292));
    CHECK(read_control_file(unknown.scratch.path()).error().code == Errc::version_mismatch);
    const Directory truncated(make_control_file(1300, 288).substr(0, 200));
    CHECK_THAT(read_control_file(truncated.scratch.path()).error().message, ContainsText("has 200 bytes"));
    const support::Scratch empty;
    CHECK(read_control_file(empty.path()).error().code == Errc::data_directory_invalid);
}

TEST_CASE("a new identifier is made of time and process, so that two of different microseconds differ") {
    const auto seconds = [] { return static_cast<std::uint64_t>(std::time(nullptr)); };
    const std::uint64_t before = seconds();
    const std::uint64_t identifier = make_system_identifier();
    CHECK(identifier >> 32 >= before);
    CHECK(identifier >> 32 <= seconds());
    CHECK((identifier & 0xFFF) == (static_cast<std::uint64_t>(::getpid()) & 0xFFF));
    const auto start = std::chrono::system_clock::now();
    while (std::chrono::system_clock::now() - start < std::chrono::microseconds(2))
        continue;
    CHECK(make_system_identifier() != identifier);
}

}  // namespace
}  // namespace polygon::postgres
