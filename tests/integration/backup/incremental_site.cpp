#include "tests/integration/backup/incremental_site.h"

#include <array>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "tests/support/catch.h"

namespace polygon::backup::test {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

constexpr int kFirstWithIncrementals = 17;
constexpr std::array kBackups = {"1-full", "2-monday", "3-tuesday"};

// The formats of the full backup and the two incremental ones.
using Formats = std::array<const char*, 3>;
const std::map<std::string, Formats> kChains = {{"plain", {"plain", "plain", "plain"}},
                                                {"tar", {"gzip", "zstd", "tar"}},
                                                {"mixed", {"plain", "zstd", "plain"}},
                                                {"mixed-other", {"lz4", "plain", "gzip"}}};

const std::map<std::string, std::vector<std::string>> kOptions = {{"plain", {"-Fp"}},
                                                                  {"tar", {"-Ft", "--manifest-checksums=SHA256"}},
                                                                  {"gzip", {"-Ft", "-z"}},
                                                                  {"lz4", {"-Ft", "--compress=server-lz4"}},
                                                                  {"zstd", {"-Ft", "--compress=server-zstd"}}};

// What happens before each backup. Tables grow, shrink, change, come and go; the tablespace "gone" is in the full
// backup only, and "late" is not in it. '@' is where the workspace is.
const std::array<std::vector<std::string>, 3> kChanges = {
    std::vector<std::string>{
        "create tablespace fast location '@/production-fast'", "create tablespace gone location '@/production-gone'",
        "create table near as select i, md5(i::text) t from generate_series(1, 150000) i",
        "create table far tablespace fast as select i, md5(i::text) t from generate_series(1, 100000) i",
        "create table lost tablespace gone as select i from generate_series(1, 1000) i",
        "create table shrinks as select i from generate_series(1, 100000) i",
        "create table emptied as select i from generate_series(1, 1000) i"},
    {"update near set t = md5(t) where i between 500 and 900",
     "insert into far select i, 'new' from generate_series(1, 5000) i", "drop table lost", "drop tablespace gone",
     "create tablespace late location '@/production-late'",
     "create table later tablespace late as select generate_series(1, 3000) i", "delete from shrinks where i > 100",
     "vacuum shrinks", "truncate emptied", "checkpoint"},
    {"update far set t = md5(t) where i % 1000 = 0", "update later set i = -i where i < 50",
     "create table latest as select generate_series(1, 7000) i", "checkpoint"}};

constexpr std::array kTables = {"near", "far", "shrinks", "emptied", "later", "latest"};

std::string with_path(std::string statement, const fs::Path& workspace) {
    const std::size_t at = statement.find("@/");
    return at == std::string::npos ? statement : statement.replace(at, 2, workspace.string());
}

std::vector<std::string> fingerprints(const Server& server) {
    std::vector<std::string> lines;
    for (const char* table : kTables) {
        lines.push_back(
            server.query(fmt::format("select '{0}', count(*), sum(hashtext(one::text)) from {0} one", table)));
    }
    return lines;
}

}  // namespace

bool has_incremental_backups() {
    if (installed_major() >= kFirstWithIncrementals) return true;
    WARN("skipped: incremental backups came with PostgreSQL 17, and the newest here is " << installed_major());
    return false;
}

const IncrementalSite& IncrementalSite::shared() {
    static const IncrementalSite site;
    return site;
}

const std::vector<std::string>& IncrementalSite::chains() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> list;
        for (const auto& [name, formats] : kChains)
            list.push_back(name);
        return list;
    }();
    return names;
}

IncrementalSite::IncrementalSite() {
    run_postgres("initdb",
                 {"-D", workspace_ / "production", "-U", "postgres", "-A", "trust", "-N", "--allow-group-access"});
    const Server server(workspace_, workspace_ / "production");
    server.query("alter system set summarize_wal = on");
    server.query("select pg_reload_conf()");
    for (const char* name : {"fast", "gone", "late"})
        workspace_.make_directory(std::string("production-") + name);
    for (int number = 0; number < 3; ++number) {
        for (const std::string& change : kChanges.at(number))
            server.query(with_path(change, workspace_ / ""));
        take_backups(server, number);
    }
    expected_ = fingerprints(server);
}

fs::Path IncrementalSite::tablespace_of(const std::string& chain, int number, const std::string& tablespace) const {
    const bool is_plain = std::string(kChains.at(chain).at(number)) == "plain";
    return workspace_ / (is_plain ? fmt::format("{}-{}-{}", chain, number, tablespace) : "production-" + tablespace);
}

void IncrementalSite::take_backups(const Server& server, int number) const {
    for (const auto& [name, formats] : kChains) {
        std::vector<std::string> options = kOptions.at(formats.at(number));
        for (const char* tablespace : {"fast", "gone", "late"}) {
            const fs::Path production = workspace_ / (std::string("production-") + tablespace);
            const fs::Path place = tablespace_of(name, number, tablespace);
            if (place != production) options.push_back(fmt::format("-T{}={}", production.string(), place.string()));
        }
        if (number > 0) {
            options.push_back("--incremental=" + (chain(name) / kBackups.at(number - 1) / "backup_manifest").string());
        }
        server.base_backup(workspace_.make_directory(name) / kBackups.at(number), options);
    }
}

fs::Path IncrementalSite::copy_chain(const std::string& name) const {
    const fs::Path copy = workspace_ / "copy";
    stdfs::remove_all(copy);
    stdfs::copy(chain(name), copy, stdfs::copy_options::recursive | stdfs::copy_options::copy_symlinks);
    return copy;
}

process::Command IncrementalSite::command(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), POLYGON_BOOTSTRAP);
    return {.argv = std::move(arguments), .output_file = workspace_ / "polygon-bootstrap.log"};
}

process::Finished IncrementalSite::run(std::vector<std::string> arguments) const {
    const auto done = process::run(command(std::move(arguments)), system_clock(), Deadline(system_clock(), 240s));
    REQUIRE(done.has_value());
    return *done;
}

std::vector<std::string> IncrementalSite::tablespace_options(const std::string& chain) const {
    std::vector<std::string> options;
    for (const char* tablespace : {"fast", "late"}) {
        options.emplace_back("--tablespace");
        options.push_back(
            fmt::format("{}={}", tablespace_of(chain, 2, tablespace).string(), (places() / tablespace).string()));
    }
    return options;
}

void IncrementalSite::clear() const {
    stdfs::remove_all(places());
    stdfs::create_directories(places());
}

void IncrementalSite::check_restored() const {
    workspace_.hand_over();
    const Server server(workspace_, places() / "data");
    CHECK(fingerprints(server) == expected_);
    CHECK(server.query("select pg_tablespace_location(oid) from pg_tablespace where spcname = 'late'") ==
          (places() / "late").string() + "\n");
    CHECK(server.query("select count(*) from pg_tablespace") == "4\n");
}

}  // namespace polygon::backup::test
