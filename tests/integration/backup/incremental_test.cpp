// Incremental backups that pg_basebackup took, restored by the program, started and compared with where they came from.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "common/base/error.h"
#include "tests/integration/backup/incremental_site.h"
#include "tests/support/catch.h"

namespace polygon::backup::test {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

std::vector<std::string> restore_arguments(const fs::Path& source, const std::string& chain) {
    const IncrementalSite& site = IncrementalSite::shared();
    std::vector<std::string> arguments = {"restore", source, site.places() / "data"};
    for (const std::string& option : site.tablespace_options(chain))
        arguments.push_back(option);
    return arguments;
}

process::Finished restore(const fs::Path& source, const std::string& chain) {
    return IncrementalSite::shared().run(restore_arguments(source, chain));
}

std::vector<std::string> entries_of(const fs::Path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : stdfs::directory_iterator(directory))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

// Names, modification times and sizes of all that is there.
std::vector<std::string> inventory(const fs::Path& directory) {
    std::vector<std::string> lines;
    for (const auto& entry : stdfs::recursive_directory_iterator(directory)) {
        const auto time = entry.is_symlink() ? 0 : entry.last_write_time().time_since_epoch().count();
        lines.push_back(
            fmt::format("{} {} {}", entry.path().string(), time, entry.is_regular_file() ? entry.file_size() : 0));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

// For the owner alone, links apart.
void check_modes(const fs::Path& directory) {
    for (const auto& entry : stdfs::recursive_directory_iterator(directory)) {
        if (entry.is_symlink()) continue;
        const auto others = stdfs::perms::group_all | stdfs::perms::others_all;
        if ((entry.status().permissions() & others) != stdfs::perms::none) FAIL(entry.path().string());
    }
}

// As somebody does by hand who has a backup in tar format and wants a plain one.
void untar(const fs::Path& backup) {
    const auto tar = [](const fs::Path& archive, const fs::Path& into) {
        stdfs::create_directories(into);
        const auto done = process::run_checked({.argv = {"tar", "-xf", archive, "-C", into}}, system_clock(),
                                               Deadline(system_clock(), 60s));
        if (!done.has_value()) FAIL(done.error().message);
        stdfs::remove(archive);
    };
    tar(backup / "base.tar.gz", backup);
    tar(backup / "pg_wal.tar.gz", backup / "pg_wal");
    for (const auto& entry : stdfs::directory_iterator(backup)) {
        const std::string name = entry.path().filename();
        if (!name.ends_with(".tar.gz")) continue;
        const std::string oid = name.substr(0, name.find('.'));
        const fs::Path place = backup.string() + "-" + oid;
        tar(entry.path(), place);
        stdfs::create_directory_symlink(place, backup / "pg_tblspc" / oid);
    }
}

// Starts a restore and kills it by a signal when there is that path below the data directory.
int kill_when_there(const std::string& path, int signal) {
    const IncrementalSite& site = IncrementalSite::shared();
    auto child = process::Child::start(site.command(restore_arguments(site.chain("tar"), "tar")));
    REQUIRE(child.has_value());
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 120s), 1ms,
                       [&] { return child->poll().has_value() || stdfs::exists(site.places() / "data" / path); }));
    child->signal(signal);
    const auto status = child->wait(system_clock(), Deadline(system_clock(), 60s));
    REQUIRE(status.has_value());
    return *status;
}

// What a killed restore had started dies a moment after it: until nothing changes any more.
void wait_for_silence(const fs::Path& directory) {
    std::vector<std::string> before;
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 60s), 200ms, [&] {
        std::vector<std::string> now = inventory(directory);
        return std::exchange(before, now) == now;
    }));
}

void check_refused_by_postgres(const fs::Path& data) {
    const IncrementalSite& site = IncrementalSite::shared();
    const process::Finished started = try_postgres(
        "postgres", {"-D", data, "-c", "unix_socket_directories=" + site.workspace().make_directory("socket").string(),
                     "-c", "listen_addresses="});
    INFO(data << ": " << started.err);
    CHECK(started.exit_status != 0);
}

void flip_byte(const fs::Path& file, std::uintmax_t at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    REQUIRE(stream.good());
    stream.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(byte);
}

TEST_CASE("a chain of incremental backups becomes a data directory, whatever their formats") {
    if (!has_incremental_backups()) return;
    const IncrementalSite& site = IncrementalSite::shared();
    for (const std::string& chain : IncrementalSite::chains()) {
        INFO(chain);
        site.clear();
        const std::vector<std::string> before = inventory(site.chain(chain));
        const process::Finished done = restore(site.chain(chain), chain);
        INFO(done.err);
        REQUIRE(done.exit_status == 0);
        CHECK_THAT(done.err, ContainsText("found the backup backup=3-tuesday from="));
        CHECK_THAT(done.err, ContainsText("it is incremental, takes 3 backups: '1-full' ("));
        CHECK_THAT(done.err, ContainsText("restored and verified data_directory="));
        CHECK(inventory(site.chain(chain)) == before);
        CHECK(entries_of(site.places()) == std::vector<std::string>{"data", "fast", "late"});
        for (const char* name :
             {"incoming", "unpacked", "pg_combinebackup.log", "backup_manifest", "polygon-restore.incomplete"}) {
            CHECK_FALSE(stdfs::exists(site.places() / "data" / name));
        }
        CHECK(entries_of(site.places() / "fast").size() == 1);
        check_modes(site.places());
        site.check_restored();
    }
}

TEST_CASE("one of its backups is damaged: nothing is combined, and all is as it was") {
    if (!has_incremental_backups()) return;
    const IncrementalSite& site = IncrementalSite::shared();
    const fs::Path chain = site.copy_chain("mixed");
    site.clear();
    std::string label;
    SECTION("the full one, plain") {
        label = "1-full";
        flip_byte(chain / label / "base/1/1259", 100);
    }
    SECTION("an incremental one, in tar format") {
        label = "2-monday";
        const fs::Path archive = chain / label / "base.tar.zst";
        flip_byte(archive, stdfs::file_size(archive) / 2);
    }
    SECTION("the last one, plain") {
        label = "3-tuesday";
        flip_byte(chain / label / "global/pg_control", 200);
    }
    const std::vector<std::string> before = inventory(site.places());
    const process::Finished done = restore(chain, "mixed");
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::backup_corrupt));
    CHECK_THAT(done.err, ContainsText(label));
    CHECK(done.err.find("combining") == std::string::npos);
    CHECK(inventory(site.places()) == before);
    const process::Finished checked = site.run({"check", chain});
    CHECK(checked.exit_status == exit_status(Errc::backup_corrupt));
    CHECK(checked.out.empty());
    CHECK_THAT(checked.err, ContainsText(label));
}

TEST_CASE("without a backup that it continues an incremental one is passed over, or refused") {
    if (!has_incremental_backups()) return;
    const IncrementalSite& site = IncrementalSite::shared();
    const fs::Path chain = site.copy_chain("plain");
    const fs::Path missing = chain / GENERATE("1-full", "2-monday");
    stdfs::remove_all(missing);
    site.clear();
    const process::Finished refused = restore(chain / "3-tuesday", "plain");
    INFO(refused.err);
    CHECK(refused.exit_status == exit_status(Errc::backup_incomplete));
    CHECK_THAT(refused.err, ContainsText("backup '3-tuesday' is incomplete: "));
    CHECK_THAT(refused.err, ContainsText("continues the backup that began at 0/"));
    CHECK_THAT(refused.err, ContainsText("HINT: Copy that backup to a directory beside it: its backup_label has the "
                                         "line \"START WAL LOCATION: 0/"));
    CHECK(stdfs::is_empty(site.places()));
    const process::Finished checked = site.run({"check", chain});
    INFO(checked.err);
    if (missing.filename() == "1-full") {
        CHECK(checked.exit_status == exit_status(Errc::backup_incomplete));
        CHECK_THAT(checked.err,
                   ContainsText("backup '3-tuesday' is incomplete: '2-monday', which it needs, continues"));
    } else {
        CHECK(checked.exit_status == 0);
        CHECK(checked.out.starts_with("1-full: "));
        CHECK_THAT(checked.err, ContainsText("passed over an incomplete backup backup=3-tuesday reason="));
    }
}

TEST_CASE("backups that were unpacked by hand, with tablespace_map, are taken as plain ones") {
    if (!has_incremental_backups()) return;
    const IncrementalSite& site = IncrementalSite::shared();
    const fs::Path chain = site.copy_chain("mixed-other");
    untar(chain / "3-tuesday");
    site.clear();
    const process::Finished done = restore(chain, "mixed-other");
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("'3-tuesday' (plain)"));
    CHECK_FALSE(stdfs::exists(site.places() / "data/tablespace_map"));
    site.check_restored();
}

TEST_CASE("Ctrl-C in the middle of it leaves everything as it was") {
    if (!has_incremental_backups()) return;
    const IncrementalSite& site = IncrementalSite::shared();
    const std::string path = GENERATE("unpacked/0/global/pg_control", "unpacked/1", "incoming/base");
    INFO(path);
    site.clear();
    CHECK(kill_when_there(path, SIGINT) == 128 + SIGINT);
    CHECK(stdfs::is_empty(site.places()));
}

TEST_CASE("what a kill -9 leaves cannot be started, and a repeat removes it") {
    if (!has_incremental_backups()) return;
    const IncrementalSite& site = IncrementalSite::shared();
    const std::string path = GENERATE("unpacked/0/global/pg_control", "unpacked/1/PG_VERSION", "incoming/base");
    INFO(path);
    site.clear();
    const fs::Path data = site.places() / "data";
    CHECK(kill_when_there(path, SIGKILL) == 128 + SIGKILL);
    wait_for_silence(site.places());
    REQUIRE(stdfs::exists(data / path));
    site.workspace().hand_over();
    for (const char* directory : {"", "incoming", "unpacked/0", "unpacked/1", "unpacked/2"}) {
        if (stdfs::exists(data / directory)) check_refused_by_postgres(data / directory);
    }
    const process::Finished repeated = restore(site.chain("tar"), "tar");
    INFO(repeated.err);
    REQUIRE(repeated.exit_status == 0);
    CHECK_THAT(repeated.err, ContainsText("removing what a restore left behind that did not come to its end"));
    site.check_restored();
}

TEST_CASE("check reads every backup of a chain, and says so on one line") {
    if (!has_incremental_backups()) return;
    const IncrementalSite& site = IncrementalSite::shared();
    const process::Finished done = site.run({"check", site.chain("mixed") / "3-tuesday"});
    INFO(done.err);
    CHECK(done.exit_status == 0);
    CHECK(std::count(done.out.begin(), done.out.end(), '\n') == 1);
    CHECK(done.out.starts_with("3-tuesday: "));
    CHECK(done.out.ends_with(
        ", incremental, takes 3 backups: '1-full' (plain), '2-monday' (tar, zstd), '3-tuesday' (plain)\n"));
}

}  // namespace
}  // namespace polygon::backup::test
