// WAL that a real server wrote, read by a real pg_waldump.
#include "common/postgres/wal_check.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "common/backup/restore.h"
#include "tests/integration/backup/server.h"
#include "tests/integration/postgres/servers_user.h"
#include "tests/support/require.h"

namespace polygon::postgres::test {
namespace {

using backup::test::run_postgres;
using backup::test::Server;
using backup::test::Workspace;
using support::require;

// WAL segments of 1 MB, so that a little work fills several.
fs::Path make_production(const Workspace& workspace) {
    run_postgres("initdb", {"-D", workspace / "production", "-U", "postgres", "-A", "trust", "-N", "--wal-segsize=1"});
    return workspace / "production";
}

std::string ask_lsn(const Server& server) {
    std::string lsn = server.query("SELECT pg_current_wal_insert_lsn()");
    lsn.pop_back();
    return lsn;
}

// One record of half a segment that is easily found in the file.
void write_message(const Server& server) {
    server.query("SELECT pg_logical_emit_message(false, 'test', repeat('x', 500000))");
}

std::size_t count_segments(const fs::Path& directory) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        count += entry.is_regular_file() && entry.path().filename().string().size() == 24 ? 1 : 0;
    return count;
}

// Flips one bit in the middle of a message; false if the file has none.
bool damage(const fs::Path& file) {
    std::string bytes = require(fs::read_file(file));
    const std::size_t at = bytes.find(std::string(1000, 'x'));
    if (at == std::string::npos) return false;
    bytes[at + 500] = 'y';
    std::ofstream(file, std::ios::binary) << bytes;
    return true;
}

// Damages the first segment that has a message; gives its path.
fs::Path damage_one(const fs::Path& directory) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.is_regular_file() && damage(entry.path())) return entry.path();
    }
    FAIL("no segment holds a message");
    return {};
}

Status check(const fs::Path& directory, const std::vector<WalRange>& ranges) {
    return check_wal_records(newest_binaries(), directory, ranges, system_clock());
}

TEST_CASE("reads WAL over a segment switch and several segments, and finds the one damaged byte") {
    const Workspace workspace;
    const fs::Path production = make_production(workspace);
    const fs::Path wal = workspace / "wal";
    WalRange range{.timeline = 1};
    {
        const Server server(workspace, production);
        range.start_lsn = ask_lsn(server);
        write_message(server);
        server.query("SELECT pg_switch_wal()");
        for (int i = 0; i < 6; ++i)
            write_message(server);
        range.end_lsn = ask_lsn(server);
        server.query("CREATE TABLE flushed()");
        std::filesystem::copy(production / "pg_wal", wal, std::filesystem::copy_options::recursive);
    }
    CHECK(count_segments(wal) > 3);
    require(check(wal, {range}));
    require(check(wal, {range, {.timeline = 9, .start_lsn = "0/100", .end_lsn = "0/100"}}));  // nothing to read

    damage_one(wal);
    const Status damaged = check(wal, {range});
    REQUIRE_FALSE(damaged.has_value());
    CHECK(damaged.error().code == Errc::backup_corrupt);
    CHECK_THAT(damaged.error().message,
               ContainsText(fmt::format("WAL of timeline 1 from {} to {} in '{}' cannot be read: pg_waldump: ",
                                        range.start_lsn, range.end_lsn, wal.string())));
    CHECK_THAT(damaged.error().message, ContainsText("incorrect resource manager data checksum in record at "));
    CHECK(damaged.error().message.find('\n') == std::string::npos);
    CHECK(damaged.error().hint ==
          "Copy the backup again, or restore another one; pg_verifybackup reads its WAL the same way.");
}

TEST_CASE("a segment that is missing in the range is an error, one beyond it is not") {
    const Workspace workspace;
    const fs::Path production = make_production(workspace);
    const fs::Path wal = workspace / "wal";
    WalRange range{.timeline = 1};
    {
        const Server server(workspace, production);
        range.start_lsn = ask_lsn(server);
        write_message(server);
        range.end_lsn = ask_lsn(server);
        server.query("CREATE TABLE flushed()");
        std::filesystem::copy(production / "pg_wal", wal, std::filesystem::copy_options::recursive);
    }
    require(check(wal, {range}));
    const WalRange further{.timeline = 1, .start_lsn = range.start_lsn, .end_lsn = "0/FF00000"};
    const Status missing = check(wal, {range, further});
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().code == Errc::backup_corrupt);
    CHECK_THAT(missing.error().message, ContainsText("to 0/FF00000 in"));
}

TEST_CASE("reads the WAL of a timeline that a promotion began") {
    const Workspace workspace;
    const fs::Path production = make_production(workspace);
    const fs::Path standby = workspace / "standby";
    const fs::Path wal = workspace / "wal";
    std::string end;
    {
        const Server server(workspace, production);
        server.base_backup(standby, {"-Fp"});
    }
    std::ofstream(standby / "standby.signal").close();
    {
        const Server server(workspace, standby);
        REQUIRE(server.query("SELECT pg_promote()") == "t\n");
        for (int i = 0; i < 3; ++i)
            write_message(server);
        end = ask_lsn(server);
        server.query("CREATE TABLE flushed()");
        std::filesystem::copy(standby / "pg_wal", wal, std::filesystem::copy_options::recursive);
    }
    // "1<tab>0/3000110<tab>no recovery target specified"
    const std::string history = require(fs::read_file(wal / "00000002.history"));
    const std::string switched = history.substr(2, history.find('\t', 2) - 2);
    require(check(wal, {{.timeline = 2, .start_lsn = switched, .end_lsn = end}}));
    const Status wrong = check(wal, {{.timeline = 3, .start_lsn = switched, .end_lsn = end}});
    REQUIRE_FALSE(wrong.has_value());
    CHECK_THAT(wrong.error().message, ContainsText("WAL of timeline 3 from " + switched + " to " + end));
}

// As polygon-bootstrap does it.
Result<backup::Restored> restore_with_check(const backup::Backup& taken, const fs::Path& data, int& calls) {
    std::vector<WalRange> ranges;
    for (const backup::WalRange& range : taken.manifest.wal_ranges)
        ranges.push_back({range.timeline, range.start_lsn, range.end_lsn});
    return backup::restore({.backup = taken,
                            .data_directory = data,
                            .check_wal =
                                [&](const fs::Path& directory) {
                                    ++calls;
                                    return check(directory, ranges);
                                }},
                           system_clock());
}

TEST_CASE("a backup whose WAL has a damaged record is not restored, though every checksum of its manifest is right") {
    const Workspace workspace;
    const fs::Path production = make_production(workspace);
    {
        const Server server(workspace, production);
        server.base_backup(workspace / "plain", {"-Fp"});
    }
    const backup::Backup taken = require(backup::locate_backup(workspace / "plain")).backup;
    REQUIRE(taken.manifest.wal_ranges.size() == 1);
    int calls = 0;
    require(restore_with_check(taken, workspace / "good", calls));
    CHECK(calls == 1);
    CHECK(std::filesystem::exists(workspace / "good/global/pg_control"));

    // The first record of the range: 0/2000028 is byte 0x28 of a segment of 1 MB.
    const std::string& start = taken.manifest.wal_ranges[0].start_lsn;
    const std::uint64_t position = std::stoull(start.substr(start.find('/') + 1), nullptr, 16);
    const fs::Path segment = workspace / "plain/pg_wal" / fmt::format("{:08X}{:08X}{:08X}", 1, 0, position >> 20U);
    std::string bytes = require(fs::read_file(segment));
    const std::size_t at = (position & 0xFFFFFU) + 26;  // behind the record's header of 24 bytes
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    std::ofstream(segment, std::ios::binary) << bytes;
    const auto failed = restore_with_check(taken, workspace / "bad", calls);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::backup_corrupt);
    CHECK_THAT(failed.error().message, ContainsText("WAL of timeline 1 from " + start));
    CHECK_FALSE(std::filesystem::exists(workspace / "bad/global/pg_control"));
}

TEST_CASE("finds the programs of one major version, and says when the named folder has others") {
    const int major = backup::test::installed_major();
    const Binaries binaries = newest_binaries();
    CHECK(binaries.major_version == major);
    CHECK(require(find_wal_reader(binaries.directory, major, system_clock()))->directory == binaries.directory);
    CHECK_FALSE(require(find_wal_reader({}, 12, system_clock())).has_value());
    const auto other = find_wal_reader(binaries.directory, 12, system_clock());
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().code == Errc::version_mismatch);
    CHECK(other.error().message == fmt::format("the programs in '{}' are of PostgreSQL {}, the backup is of 12",
                                               binaries.directory.string(), major));
    CHECK(other.error().hint == "Name the folder of PostgreSQL 12's programs.");
    CHECK(find_wal_reader("/nonexistent", major, system_clock()).error().code == Errc::process_failed);
    const Status not_run = check_wal_records({.directory = "/nonexistent", .major_version = major}, "/tmp",
                                             {{1, "0/1000028", "0/1000100"}}, system_clock());
    REQUIRE_FALSE(not_run.has_value());
    CHECK(not_run.error().code == Errc::process_failed);
}

}  // namespace
}  // namespace polygon::postgres::test
