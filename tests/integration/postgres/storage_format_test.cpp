// What the control file is read as, against what PostgreSQL's own programs say of it.
#include "common/postgres/storage_format.h"

#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "tests/integration/backup/server.h"
#include "tests/integration/postgres/servers_user.h"
#include "tests/support/require.h"

namespace polygon::postgres::test {
namespace {

using backup::test::run_postgres;
using backup::test::Workspace;
using support::require;

fs::Path make_data_directory(const Workspace& workspace) {
    run_postgres("initdb", {"-D", workspace / "data", "-U", "postgres", "-A", "trust", "-N"});
    return workspace / "data";
}

// The line of pg_controldata, with its label's blanks as they are.
bool says(const std::string& output, const std::string& label, const std::string& value) {
    const std::size_t at = output.find("\n" + label + ":");
    if (at == std::string::npos) return false;
    const std::size_t end = output.find('\n', at + 1);
    const std::string line = output.substr(at + 1, end - at - 1);
    return line.substr(line.find_last_of(':') + 1).find_first_not_of(' ') != std::string::npos &&
           line.ends_with(" " + value);
}

TEST_CASE("the control file is read as pg_controldata reads it") {
    const Workspace workspace;
    const fs::Path data = make_data_directory(workspace);
    const std::string output = "\n" + run_postgres("pg_controldata", {"-D", data});
    const StorageFormat format = require(read_control_file(data)).format;
    INFO(output);
    CHECK(says(output, "pg_control version number", std::to_string(format.control_version)));
    CHECK(says(output, "Catalog version number", std::to_string(format.catalog_version)));
    CHECK(says(output, "Maximum data alignment", std::to_string(format.alignment_bytes)));
    CHECK(says(output, "Database block size", std::to_string(format.block_bytes)));
    CHECK(says(output, "Blocks per segment of large relation", std::to_string(format.blocks_per_segment)));
    CHECK(says(output, "WAL block size", std::to_string(format.wal_block_bytes)));
    CHECK(says(output, "Maximum length of identifiers", std::to_string(format.identifier_bytes)));
    CHECK(says(output, "Maximum columns in an index", std::to_string(format.index_columns)));
    CHECK(says(output, "Maximum size of a TOAST chunk", std::to_string(format.toast_chunk_bytes)));
    CHECK(says(output, "Size of a large-object chunk", std::to_string(format.large_object_chunk_bytes)));
    CHECK(says(output, "Float8 argument passing", format.float8_by_value == 1 ? "by value" : "by reference"));
    CHECK_FALSE(says(output, "Database block size", "1"));
}

TEST_CASE("a real data directory is for the programs that made it, and nothing of the question stays behind") {
    const Workspace workspace;
    const fs::Path data = make_data_directory(workspace);
    const std::string before = require(fs::read_file(data / "global/pg_control"));
    {
        const AsServersUser user;
        require(require_same_format(newest_binaries(), data, system_clock()));
    }
    CHECK(require(fs::read_file(data / "global/pg_control")) == before);
    for (const auto& entry : std::filesystem::directory_iterator(data))
        CHECK_FALSE(entry.path().filename().string().starts_with("polygon"));
}

TEST_CASE("programs whose version says something else are told from the data's") {
    const Workspace workspace;
    const fs::Path data = make_data_directory(workspace);
    const Binaries binaries = newest_binaries();
    // pg_resetwal of another build, as far as its output goes.
    const fs::Path others = workspace.make_directory("bin");
    std::ofstream(others / "pg_resetwal")
        << "#!/bin/sh\n"
        << binaries.program("pg_resetwal")
        << " \"$@\" | sed -e '/block size/s/8192/32768/' -e '/Catalog version/s/[0-9]*$/299901011/'\n";
    std::filesystem::permissions(others / "pg_resetwal", std::filesystem::perms(0755));
    const AsServersUser user;
    const Status refused = require_same_format({others, binaries.major_version}, data, system_clock());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::version_mismatch);
    CHECK(refused.error().message ==
          fmt::format("data directory '{}' is not for the programs in '{}': it has catalog version {} and not "
                      "299901011, block size 8192 and not 32768, WAL block size 8192 and not 32768",
                      data.string(), others.string(), require(read_control_file(data)).format.catalog_version));
    CHECK(refused.error().hint ==
          "Point postgresql.bin_dir at programs that are built as production's are (pg_config --configure, "
          "pg_controldata).");
}

TEST_CASE("programs that do not say what they are built with are not trusted") {
    const Workspace workspace;
    const fs::Path data = make_data_directory(workspace);
    const fs::Path others = workspace.make_directory("bin");
    std::ofstream(others / "pg_resetwal") << "#!/bin/sh\necho; echo 'pg_control version number: x'\n";
    std::filesystem::permissions(others / "pg_resetwal", std::filesystem::perms(0755));
    const AsServersUser user;
    const Status refused = require_same_format({others, 15}, data, system_clock());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::process_failed);
    CHECK(refused.error().message ==
          fmt::format("'{}/pg_resetwal -n' does not say 'pg_control version number'", others.string()));
}

}  // namespace
}  // namespace polygon::postgres::test
