// Masking as a part of the bootstrap.
#include <fstream>

#include <nlohmann/json.hpp>

#include "common/fs/file.h"
#include "common/postgres/generation_marker.h"
#include "tests/integration/programs/masking_site.h"
#include "tests/support/processes.h"

namespace polygon::test {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

// Every process with this text in its command line, whoever owns it.
std::vector<std::string> command_lines_with(const std::string& text) {
    std::vector<std::string> found;
    std::error_code ignored;
    for (const auto& entry : stdfs::directory_iterator("/proc", ignored)) {
        const std::string line = fs::read_file(entry.path() / "cmdline").value_or("");
        if (line.find(text) != std::string::npos) found.push_back(line);
    }
    return found;
}

TEST_CASE("the plan names each file and its database, and refuses a folder that masks nothing") {
    MaskingSite& masking = MaskingSite::shared();
    Site& site = masking.site();
    masking.clear_folder();
    masking.write("10-all.sql", "SELECT 1;\n");
    masking.write("20-shop.sql", "-- database: shop\nSELECT 1;\n");
    masking.configure();
    const std::vector<std::string> argv = {"polygon-bootstrap", "plan", "--config", site.configuration().string()};
    const process::Finished table = site.run(argv);
    INFO(table.out << table.err);
    CHECK(table.exit_status == 0);
    CHECK_THAT(table.out, ContainsText("10-all.sql in every database\n"));
    CHECK_THAT(table.out, ContainsText("20-shop.sql in database 'shop'\n"));
    const auto json = nlohmann::json::parse(site.run({argv[0], argv[1], argv[2], argv[3], "--json"}).out);
    REQUIRE(json.at("sql").size() == 2);
    CHECK(json["sql"][0]["database"].is_null());
    CHECK(json["sql"][1]["file"] == (masking.folder() / "20-shop.sql").string());
    CHECK(json["sql"][1]["database"] == "shop");

    masking.clear_folder();
    const process::Finished empty = site.bootstrap();
    CHECK(empty.exit_status == exit_status(Errc::configuration));
    CHECK_THAT(empty.err, ContainsText("there is no *.sql in the folder '" + masking.folder().string()));
    CHECK(site.has_no_data());
}

TEST_CASE("a psql that is missing is told by the plan") {
    MaskingSite& masking = MaskingSite::shared();
    masking.clear_folder();
    masking.write("10.sql", "SELECT 1;\n");
    masking.configure();
    const stdfs::path bin = require(masking.site().workspace().make_directory("bin-without-psql"));
    for (const auto& program : stdfs::directory_iterator(masking.site().workspace().postgres_bin())) {
        if (program.path().filename() != "psql") stdfs::create_symlink(program.path(), bin / program.path().filename());
    }
    const process::Finished refused = masking.site().bootstrap({{"PATRONI_POSTGRESQL_BIN_DIR", bin.string()}});
    CHECK(refused.exit_status == exit_status(Errc::process_failed));
    CHECK_THAT(refused.err, ContainsText("polygon.sql needs psql: cannot run '" + (bin / "psql").string()));
    CHECK_THAT(refused.err, ContainsText("Install it (Debian's package postgresql-client-"));
    CHECK(masking.site().has_no_data());
}

TEST_CASE("a bootstrap masks the clone in the quarantine, and the certificate tells it") {
    MaskingSite& masking = MaskingSite::shared();
    Site& site = masking.site();
    masking.clear_folder();
    masking.write("10-all.sql", "CREATE TABLE public.masked AS SELECT current_database() AS name;\n");
    masking.write("20-shop.sql",
                  "-- database: shop\nSELECT email FROM customers;\n\\o\nSELECT email FROM customers;\n"
                  "UPDATE customers SET email = id || '@polygon';\nUPDATE notes SET body = 'masked';\n");
    masking.configure();
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK((done.out + done.err).find("@production") == std::string::npos);
    CHECK_THAT(done.err, ContainsText("running SQL file=20-shop.sql database=shop"));
    const auto marker = require(postgres::read_marker(site.data_directory()));
    REQUIRE(marker.has_value());
    CHECK(marker->sql.size() == 5 + kHostileDatabases.size());
    CHECK(marker->phase_seconds.contains("mask"));
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "postgres",
                         "SELECT datallowconn FROM pg_database WHERE datname = 'closed'") == "f");
        const std::string conninfo = "host=" + socket.string() + " dbname=postgres user=postgres";
        const process::Finished proven =
            site.run({"polygon-post-bootstrap", "--config", site.configuration().string(), conninfo});
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
        CHECK_THAT(proven.err, ContainsText("check=masking"));
        CHECK_THAT(proven.err, ContainsText("20-shop.sql in shop, "));
        const std::string options = "-c session_preload_libraries= -c role=none -c statement_timeout=0";
        const std::string shop = "dbname=shop options='" + options + "'";
        CHECK(site.query(socket, "postgres", shop, "SELECT count(*) FROM shop.customers WHERE email ~ '@polygon$'") ==
              "1000");
        CHECK(site.query(socket, "postgres", shop, "SELECT DISTINCT body FROM shop.notes") == "masked");
        CHECK(site.query(socket, "postgres", shop,
                         "SELECT string_agg(evtenabled::text, '' ORDER BY evtname) FROM pg_event_trigger") == "OARD");
    });
}

TEST_CASE("masking that fails leaves nothing of the clone") {
    MaskingSite& masking = MaskingSite::shared();
    Site& site = masking.site();
    masking.clear_folder();
    masking.write("10.sql",
                  "-- database: shop\nALTER ROLE app PASSWORD 'hunter2';\nUPDATE customers SET email = 'hunter2';\n");
    masking.configure();
    const stdfs::path status = site.path() / "masking.json";
    const process::Finished failed =
        site.run({"polygon-bootstrap", "--config", site.configuration().string(), "--scope=polygon",
                  "--datadir=" + site.data_directory().string(), "--status-file", status.string()});
    INFO(failed.err);
    CHECK(failed.exit_status == exit_status(Errc::database));
    CHECK_THAT(failed.err, ContainsText("masking failed: '10.sql' line 3 in database 'shop': SQLSTATE 23505: "));
    CHECK_THAT(failed.err, ContainsText("statement: UPDATE customers SET email = '***';"));
    const std::string shown = require(fs::read_file(status));
    CHECK(nlohmann::json::parse(shown)["phase"] == "mask");
    for (const char* secret : {"hunter2", "@production", "DETAIL"})
        CHECK((failed.out + failed.err + shown).find(secret) == std::string::npos);
    CHECK(site.has_no_data());
}

TEST_CASE("the quarantine's timeout ends a masking that hangs") {
    MaskingSite& masking = MaskingSite::shared();
    masking.clear_folder();
    masking.write("10.sql", "-- database: shop\nSELECT pg_sleep(600);\n");
    masking.configure("  quarantine: {timeout: 20s}\n");
    const process::Finished failed = masking.site().bootstrap();
    INFO(failed.err);
    CHECK(failed.exit_status == exit_status(Errc::timeout));
    CHECK_THAT(failed.err, ContainsText("masking was not done in time: '10.sql' in database 'shop' still ran"));
    CHECK(masking.site().has_no_data());
}

TEST_CASE("killed while masking, nothing is left that starts, and psql and what it started die too") {
    MaskingSite& masking = MaskingSite::shared();
    Site& site = masking.site();
    masking.clear_folder();
    const stdfs::path started = site.path() / "masking-started";
    stdfs::remove(started);
    masking.write("10.sql", "-- database: shop\n\\! touch '" + started.string() + "'; sleep 601\nSELECT 1;\n");
    masking.write("20.sql", "-- database: thai\nSELECT pg_sleep(600);\n");
    masking.configure();
    auto child = require(process::Child::start(site.bootstrap_command("killed.log")));
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 120s), 5ms,
                       [&] { return child.poll() || stdfs::exists(started); }));
    REQUIRE_FALSE(child.poll().has_value());
    CHECK(command_lines_with(masking.folder().string()).size() >= 2);
    child.signal(SIGKILL);
    require(child.wait(system_clock(), Deadline(system_clock(), 30s)));
    const stdfs::path staged = site.data_directory().string() + ".staged";
    CHECK_FALSE(stdfs::exists(site.data_directory()));
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 60s), 20ms, [&] {
        return command_lines_with(masking.folder().string()).empty() && support::processes_in(staged).empty();
    }));
    CHECK(command_lines_with(started.string()).empty());
    const process::Finished postgres =
        site.run_postgres({"postgres", "-D", staged.string(), "-c", "listen_addresses="});
    CHECK(postgres.exit_status != 0);
    CHECK(require(postgres::read_marker(staged))->stage == postgres::Stage::restoring);
}

}  // namespace
}  // namespace polygon::test
