#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/fs/file.h"
#include "common/postgres/control_file.h"
#include "common/postgres/generation_marker.h"
#include "common/process/isolation.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;

const char* const kPolygonPasswords[] = {"polygon-superuser", "polygon-replication", "polygon-rewind", "polygon-app"};
const char* const kProductionPasswords[] = {"production-app", "production-report", "production-weird",
                                            "partner-secret"};

const std::vector<std::string> kDisarmed = {
    "database thai: rolled back prepared transaction 'left open'",
    "database audit: dropped subscription 'trail'",
    "database closed: switched off 3 active jobs of timescaledb (bgw_job)",
    "database closed: dropped the user mapping of app on foreign server 'hidden'",
    "database thai: dropped subscription 'feed'",
    "database thai: switched off 1 active jobs of pgagent (pga_job)",
    "database thai: dropped the user mapping of app on foreign server 'partner'",
    "database thai: dropped the user mapping of PUBLIC on foreign server 'partner'",
    "database thai: dropped option api_key of foreign server 'legacy'",
    "reset setting lock_timeout of all roles: Patroni's sessions would obey it",
    "reset setting app.api_host of role app: it names a host",
    "reset setting statement_timeout of role replicator: Patroni's sessions would obey it",
    "reset setting default_transaction_read_only of database postgres: Patroni's sessions would obey it",
    "reset setting session_preload_libraries of role report in database thai: it has a library loaded into every "
    "session",
    "role we\"ird: no longer a superuser"};
const std::vector<std::string> kLeft = {"database closed: foreign server 'hidden' of postgres_fdw, to 10.0.0.9:5433",
                                        "database thai: foreign server 'legacy' of bare, to legacy.example:99",
                                        "database thai: foreign server 'partner' of postgres_fdw, to partner.example"};

void check_call(Site& site, const stdfs::path& socket) {
    CHECK(site.query(socket, "postgres", "thai", "SELECT outcome FROM calls") ==
          (site.calls_let_through() == 0 ? "refused" : "connected"));
}

void check_roles(Site& site, const stdfs::path& socket) {
    const std::string roles =
        site.query(socket, "postgres", "postgres",
                   "SELECT string_agg(concat_ws(' ', rolname, rolcanlogin::text, rolsuper::text, rolreplication::text, "
                   "left(rolpassword, 13)), ';' ORDER BY rolname) FROM pg_authid WHERE rolname !~ '^pg_'");
    CHECK(roles ==
          "app true false false SCRAM-SHA-256;boss false true false;postgres true true false SCRAM-SHA-256;"
          "replicator true false true SCRAM-SHA-256;report false false false;"
          "rewinder true false false SCRAM-SHA-256;we\"ird false false false");
}

void check_ties_are_cut(Site& site, const stdfs::path& socket) {
    CHECK(site.query(socket, "postgres", "thai", "SELECT count(*) FROM pg_subscription") == "0");
    CHECK(site.query(socket, "postgres", "thai", "SELECT count(*) FROM pg_user_mappings") == "0");
    CHECK(site.query(socket, "postgres", "thai",
                     "SELECT string_agg(srvname || ' ' || coalesce(srvoptions::text, ''), ';' ORDER BY srvname) FROM "
                     "pg_foreign_server") == "legacy {address=legacy.example,port=99};partner {host=partner.example}");
    CHECK(site.query(socket, "postgres", "thai",
                     "SELECT string_agg(evtenabled::text, '' ORDER BY evtname) FROM pg_event_trigger") == "OA");
    CHECK(site.query(socket, "postgres", "postgres", "SELECT count(*) FROM pg_prepared_xacts") == "0");
    CHECK(site.query(socket, "postgres", "postgres", "SELECT datallowconn FROM pg_database WHERE datname = 'closed'") ==
          "f");
    CHECK(site.query(socket, "postgres", "postgres", "SHOW default_transaction_read_only") == "off");
    CHECK(site.query(socket, "postgres", "postgres",
                     "SELECT rolconnlimit, rolconfig IS NULL FROM pg_roles WHERE rolname = 'replicator'") == "-1|t");
    // Production's ALTER SYSTEM set it to 77 s.
    CHECK(site.query(socket, "postgres", "postgres", "SHOW archive_timeout") == "0");
}

TEST_CASE("a dangerous production becomes a clone with roles of its own and no ties") {
    Site& site = Site::shared();
    site.clear();
    site.publisher().count_connections();
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_FALSE(stdfs::exists(site.data_directory().string() + ".staged"));
    // The subscription has a table that is not synchronised: dropping it would have called the publisher for its slot.
    CHECK(site.publisher().count_connections() == site.calls_let_through());
    for (const char* secret : kPolygonPasswords)
        CHECK(done.err.find(secret) == std::string::npos);
    for (const char* secret : kProductionPasswords)
        CHECK(done.err.find(secret) == std::string::npos);

    const auto control = require(postgres::read_control_file(site.data_directory()));
    const auto production = require(postgres::read_control_file(site.path() / "production"));
    CHECK(control.state == postgres::ClusterState::shut_down);
    CHECK(control.system_identifier != production.system_identifier);
    CHECK(control.timeline == 2);
    const auto marker = require(postgres::read_marker(site.data_directory()));
    REQUIRE(marker.has_value());
    CHECK(marker->stage == postgres::Stage::restored);
    CHECK(marker->system_identifier == control.system_identifier);
    CHECK(marker->source_system_identifier == production.system_identifier);
    CHECK(marker->backup_label == "20261120");
    CHECK(marker->locked_roles == std::vector<std::string>{"boss", "report", "we\"ird"});
    CHECK(marker->disarmed == kDisarmed);
    CHECK(marker->left == kLeft);
    CHECK(marker->superusers == std::vector<std::string>{"boss", "postgres"});
    CHECK(marker->isolation == process::to_text(site.workspace().account().strongest_isolation()));
    CHECK_THAT(done.err, ContainsText("isolation="));
    REQUIRE(marker->collations.size() == 1);
    CHECK_THAT(marker->collations[0],
               ContainsText("database thai: its default collation has version 1.0 recorded and is "));
    CHECK_THAT(done.err, ContainsText("database thai: its default collation has version 1.0 recorded"));

    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "thai", "SELECT count(*) FROM trips") == "20000");
        check_call(site, socket);
        check_roles(site, socket);
        check_ties_are_cut(site, socket);
        // Proof and stamp, as Patroni would have them done.
        const std::string conninfo = "host=" + socket.string() + " dbname=postgres user=postgres";
        const process::Finished proven =
            site.run({"polygon-post-bootstrap", "--config", site.configuration().string(), conninfo});
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
        CHECK_THAT(proven.err, ContainsText("check=\"collation versions\""));
        CHECK_THAT(proven.err, ContainsText("check=\"quarantine's network\""));
        CHECK(site.query(socket, "postgres", "postgres", "SELECT generation FROM polygon.refresh") ==
              marker->generation);
    });
    CHECK(require(postgres::read_marker(site.data_directory()))->stage == postgres::Stage::proven);
    const std::string certificate = require(fs::read_file(site.data_directory().string() + ".certificate.json"));
    CHECK(nlohmann::json::parse(certificate).at("refresh").at("left") == kLeft);
    for (const char* secret : kProductionPasswords)
        CHECK(certificate.find(secret) == std::string::npos);
    const auto stamp = nlohmann::json::parse(site.etcd_keys().at("/service/polygon.polygon/generation"));
    CHECK(stamp.at("generation") == marker->generation);
    CHECK(stamp.at("system_identifier") == std::to_string(control.system_identifier));
}

TEST_CASE("a restore_command has the network, and what runs in the clone after it has not") {
    Site& site = Site::shared();
    site.clear();
    site.publisher().count_connections();
    support::Listener archive;
    const process::Finished done =
        site.bootstrap({{"POLYGON_RECOVERY_RESTORE_COMMAND",
                         fmt::format("bash -c \"exec 3<>/dev/tcp/127.0.0.1/{}\"; false", archive.port())},
                        {"POLYGON_RECOVERY_TARGET_TIMELINE", "current"}});
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK(archive.count_connections() > 0);
    CHECK(site.publisher().count_connections() == site.calls_let_through());
    const std::string strongest(process::to_text(site.workspace().account().strongest_isolation()));
    CHECK(require(postgres::read_marker(site.data_directory()))->isolation ==
          (site.calls_let_through() == 0 ? strongest + ", from the end of recovery on" : strongest));
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) { check_call(site, socket); });
}

TEST_CASE("a plain backup makes the same clone, and keep keeps the identifier on a timeline of its own") {
    Site& site = Site::shared();
    site.clear();
    const process::Finished done = site.bootstrap(
        {{"POLYGON_SOURCE_DIRECTORY", site.plain_backup().string()}, {"POLYGON_SYSTEM_IDENTIFIER", "keep"}});
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    const auto control = require(postgres::read_control_file(site.data_directory()));
    CHECK(control.system_identifier ==
          require(postgres::read_control_file(site.path() / "production")).system_identifier);
    CHECK(control.timeline == 2);
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "thai", "SELECT count(*) FROM trips") == "20000");
    });
}

TEST_CASE("a planned generation is the clone's") {
    Site& site = Site::shared();
    site.clear();
    site.etcd_put("/service/polygon.polygon/plan",
                  R"({"generation":"g8","leader":"polygon1","requested_at":"","system_identifier":""})");
    REQUIRE(site.bootstrap().exit_status == 0);
    CHECK(require(postgres::read_marker(site.data_directory()))->generation == "g8");
}

TEST_CASE("post-bootstrap refuses a leader on which a password of production's works again") {
    Site& site = Site::shared();
    site.clear();
    REQUIRE(site.bootstrap().exit_status == 0);
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        site.query(socket, "postgres", "postgres", "ALTER ROLE report LOGIN");
        const std::string conninfo = "host=" + socket.string() + " dbname=postgres user=postgres";
        const process::Finished refused =
            site.run({"polygon-post-bootstrap", "--config", site.configuration().string(), conninfo});
        INFO(refused.err);
        CHECK(refused.exit_status == exit_status(Errc::not_proven));
        CHECK_THAT(refused.err, ContainsText("not proven: roles locked: open again: report"));
        CHECK(site.query(socket, "postgres", "postgres", "SELECT count(*) FROM polygon.refresh") == "0");
    });
    CHECK(require(postgres::read_marker(site.data_directory()))->stage == postgres::Stage::restored);
    CHECK(site.etcd_keys().empty());
}

TEST_CASE("post-bootstrap refuses a server that polygon-bootstrap did not make") {
    Site& site = Site::shared();
    site.clear();
    site.with_server(site.path() / "production", [&](const stdfs::path& socket) {
        const std::string conninfo = "host=" + socket.string() + " dbname=postgres user=boss";
        const process::Finished refused =
            site.run({"polygon-post-bootstrap", "--config", site.configuration().string(), conninfo},
                     {{"PATRONI_POSTGRESQL_DATA_DIR", (site.path() / "production").string()}});
        INFO(refused.err);
        CHECK(refused.exit_status == exit_status(Errc::not_proven));
        CHECK_THAT(refused.err, ContainsText("was not made by polygon-bootstrap: it has no polygon.json"));
        site.query(socket, "boss", "postgres", "SELECT 1");
    });
}

}  // namespace
}  // namespace polygon::test
