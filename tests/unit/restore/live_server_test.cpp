#include "bootstrap/restore/sources/live_server.h"

#include <algorithm>

#include "tests/support/catch.h"

namespace polygon::bootstrap {
namespace {

LiveServer server() {
    return {.conninfo = *postgres::parse_conninfo("host=prod user=replicator password=geheim", "p.yml:3"),
            .major_version = 15};
}

std::vector<std::string> argv_of(const LiveServer& of) {
    return basebackup_argv(of, {.directory = "/pg/bin", .major_version = 15}, "/d.staged/incoming", "label");
}

bool has(const std::vector<std::string>& argv, const std::string& argument) {
    return std::find(argv.begin(), argv.end(), argument) != argv.end();
}

TEST_CASE("pg_basebackup gets everything but the password") {
    const auto argv = argv_of(server());
    CHECK(argv.front() == "/pg/bin/pg_basebackup");
    for (const char* argument :
         {"--dbname=host='prod' user='replicator'", "--no-password", "--pgdata=/d.staged/incoming", "--format=plain",
          "--wal-method=stream", "--manifest-checksums=CRC32C", "--progress"}) {
        INFO(argument);
        CHECK(has(argv, argument));
    }
    for (const std::string& argument : argv) {
        CHECK(argument.find("geheim") == std::string::npos);
        CHECK_FALSE(argument.starts_with("--max-rate"));
        CHECK_FALSE(argument.starts_with("--compress"));
        CHECK_FALSE(argument.starts_with("--slot"));  // one that would stay
    }
}

TEST_CASE("pg_basebackup gets rate, compression and tablespaces, with an '=' in a path escaped") {
    LiveServer live = server();
    live.max_rate = "10M";
    live.compression = patroni::WireCompression::lz4;
    live.tablespaces["16384"] = {"/prod/a=b", "/here/a=b.staged"};
    const auto argv = argv_of(live);
    CHECK(has(argv, "--max-rate=10M"));
    CHECK(has(argv, "--compress=server-lz4"));
    CHECK(has(argv, "--tablespace-mapping=/prod/a\\=b=/here/a\\=b.staged"));
}

TEST_CASE("a password on the command line is refused before anybody is asked") {
    const auto refused = ask_server(
        {patroni::SourceKind::connection, "host=/nowhere password=geheim", "--set source.connection", {}, {}}, {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::configuration);
    CHECK(refused.error().message == "a password on the command line (--set source.connection) is seen in ps");
    CHECK(refused.error().hint == "Give it in POLYGON_SOURCE_CONNECTION, PGPASSWORD or a passfile.");
}

TEST_CASE("pg_basebackup's progress is told from its messages") {
    const auto progress = parse_progress("  12345/456789 kB (2%), 0/2 tablespaces (/d.staged/incoming/base/1)");
    REQUIRE(progress.has_value());
    CHECK(progress->bytes_done == 12345U * 1024);
    CHECK(progress->bytes_total == 456789U * 1024);
    for (const char* line : {"", "   ", "12345", "12345/", "12345/x kB (", "1/2 files",
                             "pg_basebackup: error: 1/2 kB (", "waiting for checkpoint"}) {
        INFO(line);
        CHECK_FALSE(parse_progress(line).has_value());
    }
}

}  // namespace
}  // namespace polygon::bootstrap
