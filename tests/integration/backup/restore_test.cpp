// Backups that pg_basebackup took, restored, started and compared with where they came from.
#include "common/backup/restore.h"

#include <filesystem>

#include "common/backup/facts.h"
#include "tests/integration/backup/server.h"
#include "tests/support/catch.h"

namespace polygon::backup::test {
namespace {

// A fresh cluster, not yet started.
fs::Path make_production(const Workspace& workspace, const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments = {"-D", workspace / "production", "-U", "postgres", "-A", "trust", "-N"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    run_postgres("initdb", arguments);
    return workspace / "production";
}

constexpr const char* kFingerprint = "select count(*), sum(hashtext(i::text)) from ";

Restored restore_backup(const Workspace& workspace, const fs::Path& directory, const fs::Path& data,
                        const TablespaceMapping& places) {
    const auto located = locate_backup(directory);
    if (!located.has_value()) FAIL(located.error().message);
    CHECK(read_major_version(located->backup).value_or(0) == installed_major());
    const auto restored = restore(
        {.backup = located->backup, .data_directory = data, .tablespaces = places, .tablespace_suffix = ".staged"},
        system_clock());
    if (!restored.has_value()) FAIL(restored.error().message);
    workspace.hand_over();
    return *restored;
}

// What pg_verifybackup finds in the restored directory, WAL included; it wants the manifest beside the files.
void verify_with_postgres(const Workspace& workspace, const fs::Path& backup, const fs::Path& data) {
    std::filesystem::copy_file(backup / "backup_manifest", data / "backup_manifest");
    workspace.hand_over();
    // tablespace_map is used up by the restore.
    run_postgres("pg_verifybackup", {"--ignore=tablespace_map", data});
    std::filesystem::remove(data / "backup_manifest");
}

// Names and options of pg_basebackup.
const std::vector<std::pair<std::string, std::vector<std::string>>> kTarFormats = {
    {"tar", {"-Ft"}},
    {"gzip", {"-Ft", "-z"}},
    {"fetch", {"-Ft", "-z", "-X", "fetch"}},
    {"lz4", {"-Ft", "--compress=client-lz4"}},
    {"lz4-best", {"-Ft", "--compress=client-lz4:level=12"}},
    {"zstd", {"-Ft", "--compress=client-zstd"}},
    {"zstd-workers", {"-Ft", "--compress=client-zstd:level=19,workers=2"}},
    {"server-gzip", {"-Ft", "--compress=server-gzip"}},
    {"server-lz4", {"-Ft", "--compress=server-lz4"}},
    {"server-zstd", {"-Ft", "--compress=server-zstd:level=5"}},
};

TEST_CASE("restores what pg_basebackup writes, in each format, and it starts with every row") {
    const Workspace workspace;
    const fs::Path production = make_production(workspace);
    const fs::Path fast = workspace.make_directory("fast");
    std::vector<std::string> expected;
    {
        const Server server(workspace, production);
        server.query("create table plain as select generate_series(1, 100000) i");
        server.query("create tablespace fast location '" + fast.string() + "'");
        server.query("create table far tablespace fast as select generate_series(1, 20000) i");
        for (const char* table : {"plain", "far"})
            expected.push_back(server.query(kFingerprint + std::string(table)));
        for (const auto& [name, options] : kTarFormats)
            server.base_backup(workspace / name, options);
        if (installed_major() >= 16) server.base_backup(workspace / "long", {"-Ft", "--compress=client-zstd:long"});
        server.base_backup(workspace / "plain", {"-Fp", "-T", fast.string() + "=" + (workspace / "mapped").string()});
    }
    std::vector<std::string> formats = {"plain"};
    for (const auto& [name, options] : kTarFormats)
        formats.push_back(name);
    if (installed_major() >= 16) formats.emplace_back("long");
    for (const std::string& format : formats) {
        INFO(format);
        const fs::Path data = workspace / ("data-" + format);
        const fs::Path place = workspace / ("fast-" + format);
        const fs::Path source = format == "plain" ? workspace / "mapped" : fast;
        const Restored restored = restore_backup(workspace, workspace / format, data, {{source, place}});
        REQUIRE(restored.tablespaces.size() == 1);
        CHECK(restored.tablespaces[0].path == place.string() + ".staged");
        verify_with_postgres(workspace, workspace / format, data);
        const Server server(workspace, data);
        CHECK(server.query("select pg_is_in_recovery()") == "f\n");
        CHECK(server.query(std::string(kFingerprint) + "plain") == expected[0]);
        CHECK(server.query(std::string(kFingerprint) + "far") == expected[1]);
        CHECK(server.query("select pg_tablespace_location(oid) from pg_tablespace where spcname = 'fast'") ==
              restored.tablespaces[0].path.string() + "\n");
    }
}

TEST_CASE(
    "verifies with every checksum algorithm that pg_basebackup offers, of pages with checksums and small segments") {
    const Workspace workspace;
    const fs::Path production = make_production(workspace, {"--data-checksums", "--wal-segsize=1"});
    {
        const Server server(workspace, production);
        server.query("create table t as select generate_series(1, 30000) i");  // more WAL than one segment takes
        for (const char* algorithm : {"NONE", "CRC32C", "SHA224", "SHA256", "SHA384", "SHA512"}) {
            server.base_backup(workspace / algorithm, {"-Ft", "-z", std::string("--manifest-checksums=") + algorithm});
        }
    }
    for (const char* algorithm : {"NONE", "CRC32C", "SHA224", "SHA256", "SHA384", "SHA512"}) {
        INFO(algorithm);
        const fs::Path data = workspace / (std::string("data-") + algorithm);
        restore_backup(workspace, workspace / algorithm, data, {});
        verify_with_postgres(workspace, workspace / algorithm, data);
    }
    const Server server(workspace, workspace / "data-SHA512");
    CHECK(server.query("select count(*) from t") == "30000\n");
}

TEST_CASE("what a failed restore leaves cannot be started") {
    const Workspace workspace;
    const fs::Path production = make_production(workspace);
    {
        const Server server(workspace, production);
        server.base_backup(workspace / "b", {"-Ft", "-z"});
    }
    const fs::Path archive = workspace / "b" / "pg_wal.tar.gz";
    std::string bytes = *fs::read_file(archive);
    // In the last member's CRC-32: a bit flipped among compressed zeros often changes nothing.
    bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 1);
    REQUIRE(fs::write_file_durably(archive, bytes).has_value());
    const auto located = locate_backup(workspace / "b");
    REQUIRE(located.has_value());
    const auto failed = restore({.backup = located->backup, .data_directory = workspace / "data"}, system_clock());
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::backup_corrupt);
    CHECK(failed.error().message == "archive '" + archive.string() + "' is damaged: a gzip checksum does not match");
    CHECK_FALSE(std::filesystem::exists(workspace / "data" / "global" / "pg_control"));
    CHECK(std::filesystem::exists(workspace / "data" / "PG_VERSION"));
}

}  // namespace
}  // namespace polygon::backup::test
