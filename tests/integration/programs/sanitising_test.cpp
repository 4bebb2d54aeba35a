// What the configuration can ask for beyond the defaults.
#include <algorithm>

#include "common/fs/file.h"
#include "common/postgres/generation_marker.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;

postgres::GenerationMarker bootstrap_with(Site& site, const std::string& section) {
    site.clear();
    site.write_configuration(site.good_section() + section);
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    return require(postgres::read_marker(site.data_directory())).value();
}

void check_refused(Site& site, const std::string& section, const std::string& message) {
    site.clear();
    site.write_configuration(site.good_section() + section);
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::configuration));
    CHECK_THAT(done.err, ContainsText(message));
    CHECK(site.has_no_data());
}

bool holds(const std::vector<std::string>& lines, const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
}

process::Finished prove(Site& site, const stdfs::path& socket) {
    return site.run({"polygon-post-bootstrap", "--config", site.configuration().string(),
                     "host=" + socket.string() + " dbname=postgres user=postgres"});
}

TEST_CASE("databases are dropped and renamed, one with a subscription and one without connections too") {
    Site& site = Site::shared();
    site.publisher().count_connections();
    const auto marker = bootstrap_with(
        site,
        "  subscriptions: disable\n  databases: {rename: {thai: \"thai polygon\", closed: shut}, drop: [audit]}\n");
    CHECK(holds(marker.disarmed, "dropped database audit"));
    CHECK(holds(marker.disarmed, "renamed database thai to thai polygon"));
    CHECK(holds(marker.disarmed, "database thai: disabled subscription 'feed'"));
    CHECK(holds(marker.left, "database thai: subscription 'feed', disabled and without an address"));
    CHECK(site.publisher().count_connections() == site.calls_let_through());
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "postgres",
                         "SELECT string_agg(datname || ' ' || datallowconn, ',' ORDER BY datname) FROM pg_database "
                         "WHERE datname !~ '^template'") == "postgres true,shut false,thai polygon true");
        CHECK(site.query(socket, "postgres", "thai polygon", "SELECT count(*) FROM trips") == "20000");
        CHECK(site.query(socket, "postgres", "thai polygon",
                         "SELECT subenabled, subslotname IS NULL, subconninfo FROM pg_subscription") ==
              "f|t|host=/nonexistent port=1 password=none");
        const process::Finished proven = prove(site, socket);
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
    });
}

TEST_CASE("a database that the backup does not hold is named, with those that it holds") {
    Site& site = Site::shared();
    check_refused(site, "  databases: {drop: [adit]}\n", "names 'adit', which the backup does not hold");
    CHECK_THAT(site.bootstrap().err,
               ContainsText("HINT: It holds audit, closed, postgres, template0, template1, thai."));
    check_refused(site, "  databases: {rename: {thia: x}}\n", "names 'thia', which the backup does not hold");
    check_refused(site, "  databases: {rename: {thai: audit}}\n", "renames 'thai' to 'audit', which exists");
    check_refused(site, "  databases: {drop: [postgres]}\n", "names 'postgres'");
}

TEST_CASE("under rotate and keep unlisted superusers lose that attribute, and the bootstrap superuser his login") {
    Site& site = Site::shared();
    for (const std::string unlisted : {"rotate", "keep"}) {
        INFO(unlisted);
        site.clear();
        site.write_configuration(site.good_section() + "    unlisted: " + unlisted + "\n");
        const process::Finished done = site.bootstrap();
        INFO(done.err);
        REQUIRE(done.exit_status == 0);
        const auto marker = require(postgres::read_marker(site.data_directory())).value();
        CHECK(marker.locked_roles == std::vector<std::string>{"boss"});
        CHECK((unlisted == "keep" ? marker.kept_roles : marker.rotated_roles) ==
              std::vector<std::string>{"report", "we\"ird"});
        CHECK(holds(marker.left, "role report: opened by production's password, as polygon.roles wants") ==
              (unlisted == "keep"));
        site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
            CHECK(site.query(socket, "postgres", "postgres",
                             "SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolsuper") ==
                  "boss,postgres");
            CHECK(site.query(socket, "postgres", "postgres",
                             "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'boss'") == "f");
        });
    }
}

TEST_CASE("a superuser that the configuration keeps is one still") {
    Site& site = Site::shared();
    site.clear();
    site.write_configuration(site.good_section() + "    keep: ['we\"ird']\n");
    REQUIRE(site.bootstrap().exit_status == 0);
    const auto marker = require(postgres::read_marker(site.data_directory())).value();
    CHECK(marker.superusers == std::vector<std::string>{"boss", "postgres", "we\"ird"});
    CHECK(marker.kept_roles == std::vector<std::string>{"we\"ird"});
}

TEST_CASE("jobs and credentials that the configuration keeps are kept and named") {
    Site& site = Site::shared();
    const auto marker = bootstrap_with(site, "  jobs: keep\n  foreign_servers: keep\n");
    CHECK(holds(marker.left, "database closed: by polygon.jobs: 3 active jobs of timescaledb (bgw_job)"));
    CHECK(holds(marker.left,
                "database thai: by polygon.foreign_servers: the user mapping of app on foreign server 'partner'"));
    CHECK(holds(marker.left, "database thai: by polygon.foreign_servers: option api_key of foreign server 'legacy'"));
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "thai", "SELECT count(*) FROM pg_user_mappings") == "2");
        const process::Finished proven = prove(site, socket);
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
        CHECK_THAT(proven.err, ContainsText("kept, as polygon.foreign_servers wants"));
    });
}

TEST_CASE("post-bootstrap refuses a leader on which something has been armed again") {
    Site& site = Site::shared();
    struct Armed {
        const char* sql;
        const char* message;
    };
    for (const Armed& armed :
         {Armed{"ALTER ROLE app SET app.api_host = 'x'",
                "settings of roles and databases: setting app.api_host of role app: it names a host"},
          Armed{"CREATE USER MAPPING FOR app SERVER partner",
                "partners' credentials: database thai: the user mapping of "
                "app on foreign server 'partner'"},
          Armed{"CREATE ROLE sneaky SUPERUSER", "superusers: sneaky"},
          Armed{
              "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false, slot_name = 's')",
              "subscriptions: s"}}) {
        INFO(armed.sql);
        bootstrap_with(site, "");
        site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
            site.query(socket, "postgres", "thai",
                       std::string("SET session_replication_role = replica; ALTER EVENT "
                                   "TRIGGER refuse_always DISABLE; ") +
                           armed.sql);
            const process::Finished refused = prove(site, socket);
            INFO(refused.err);
            CHECK(refused.exit_status == exit_status(Errc::not_proven));
            CHECK_THAT(refused.err, ContainsText(armed.message));
        });
    }
}

// As Patroni with the superuser's real name would have it.
const process::Environment kBoss = {{"PATRONI_SUPERUSER_USERNAME", "boss"}};

process::Finished prove_as_boss(Site& site, const stdfs::path& socket) {
    return site.run({"polygon-post-bootstrap", "--config", site.configuration().string(),
                     "host=" + socket.string() + " dbname=postgres user=boss"},
                    kBoss);
}

void bootstrap_without_quarantine(Site& site, const std::string& section = "") {
    site.clear();
    site.write_configuration(site.good_section() + "  quarantine: off\n  system_identifier: keep\n" + section);
    const process::Finished done = site.bootstrap(kBoss);
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
}

TEST_CASE("without a quarantine post-bootstrap does the same work on Patroni's server") {
    Site& site = Site::shared();
    site.publisher().count_connections();
    bootstrap_without_quarantine(site, "  databases: {rename: {thai: thai_polygon}, drop: [audit]}\n");
    CHECK_FALSE(require(postgres::read_marker(site.data_directory())).value().is_quarantined);
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "boss", "postgres", "SHOW max_logical_replication_workers") == "0");
        const process::Finished proven = prove_as_boss(site, socket);
        INFO(proven.err);
        REQUIRE(proven.exit_status == 0);
        CHECK_THAT(proven.err, ContainsText("until the server is restarted"));
        CHECK(site.query(socket, "boss", "postgres",
                         "SELECT string_agg(concat_ws(' ', rolname, rolcanlogin::text, rolsuper::text, "
                         "left(rolpassword, 13)), ';' ORDER BY rolname) FROM pg_authid WHERE rolname !~ '^pg_'") ==
              "app true false SCRAM-SHA-256;boss true true SCRAM-SHA-256;replicator true false SCRAM-SHA-256;"
              "report false false;rewinder true false SCRAM-SHA-256;we\"ird false false");
        CHECK(site.query(socket, "boss", "thai_polygon", "SELECT count(*) FROM pg_user_mappings") == "0");
        CHECK(site.query(socket, "boss", "postgres", "SELECT count(*) FROM pg_subscription") == "0");
    });
    // Production's trigger on pgAgent's jobs dials out once, which a quarantine would have kept it from.
    CHECK(site.publisher().count_connections() == 1);
    CHECK(require(fs::read_file(site.data_directory() / "postgresql.auto.conf")).empty());
    const auto marker = require(postgres::read_marker(site.data_directory())).value();
    CHECK(marker.stage == postgres::Stage::proven);
    CHECK(holds(marker.disarmed, "renamed database thai to thai_polygon"));
}

TEST_CASE("a post-bootstrap whose last step fails comes to the same end when it is repeated") {
    Site& site = Site::shared();
    bootstrap_without_quarantine(site, "  databases: {rename: {thai: thai_polygon}, drop: [audit]}\n");
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        const process::Finished first =
            site.run({"polygon-post-bootstrap", "--config", site.configuration().string(),
                      "host=" + socket.string() + " dbname=postgres user=boss"},
                     {{"PATRONI_SUPERUSER_USERNAME", "boss"}, {"PATRONI_ETCD3_HOSTS", "127.0.0.1:1"}});
        INFO(first.err);
        CHECK(first.exit_status == exit_status(Errc::etcd_unavailable));
        const auto between = require(postgres::read_marker(site.data_directory())).value();
        CHECK(between.stage == postgres::Stage::restored);
        const process::Finished second = prove_as_boss(site, socket);
        INFO(second.err);
        CHECK(second.exit_status == 0);
        const auto marker = require(postgres::read_marker(site.data_directory())).value();
        CHECK(marker.stage == postgres::Stage::proven);
        CHECK(marker.production_verifiers == between.production_verifiers);
        CHECK(marker.production_verifiers.size() == 3);
        // What the first run has done is known to the second.
        CHECK(marker.disarmed == between.disarmed);
        CHECK(holds(marker.disarmed, "dropped database audit"));
        CHECK(holds(marker.disarmed, "database thai: dropped subscription 'feed'"));
        CHECK(marker.steps == std::vector<std::string>{"verifiers", "ties", "databases", "settings", "collations",
                                                       "roles", "sql", "catalogs", "wal", "restraints"});
    });
}

TEST_CASE("what needs a quarantine is refused where there is none") {
    Site& site = Site::shared();
    check_refused(site, "  quarantine: off\n",
                  "polygon.system_identifier: new (default) needs the quarantine, which is off");
    check_refused(site, "  quarantine: off\n  system_identifier: keep\n  recovery: {restore_command: 'false'}\n",
                  "polygon.recovery.restore_command (patroni.yml:20) needs the quarantine, which is off");
    check_refused(site, "  quarantine: {mode: off, parameters: {work_mem: 1MB}}\n  system_identifier: keep\n",
                  "polygon.quarantine.parameters (patroni.yml:18) needs the quarantine, which is off");
    check_refused(site, "  quarantine: never\n", "polygon.quarantine.mode");
}

TEST_CASE("without a quarantine no library of production's settings is loaded, and none that is missing stops it") {
    Site& site = Site::shared();
    bootstrap_without_quarantine(site);
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        site.query(socket, "boss", "thai",
                   "SET session_replication_role = replica; "
                   "ALTER DATABASE thai SET session_preload_libraries = 'no_such_library'");
        const process::Finished proven = prove_as_boss(site, socket);
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
    });
    const auto marker = require(postgres::read_marker(site.data_directory())).value();
    CHECK(holds(marker.disarmed,
                "reset setting session_preload_libraries of database thai: it has a library loaded into "
                "every session"));
}

TEST_CASE("a repeat of what stopped between two steps takes nobody's new password for production's") {
    Site& site = Site::shared();
    bootstrap_without_quarantine(site);
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        // All roles of production without a password: there is no verifier to know.
        site.query(socket, "boss", "template1", "UPDATE pg_authid SET rolpassword = NULL");
        const process::Environment no_etcd = {{"PATRONI_SUPERUSER_USERNAME", "boss"},
                                              {"PATRONI_ETCD3_HOSTS", "127.0.0.1:1"}};
        const std::vector<std::string> argv = {"polygon-post-bootstrap", "--config", site.configuration().string(),
                                               "host=" + socket.string() + " dbname=postgres user=boss"};
        CHECK(site.run(argv, no_etcd).exit_status == exit_status(Errc::etcd_unavailable));
        auto marker = require(postgres::read_marker(site.data_directory())).value();
        // As if it had been killed when the roles were set and before that was written down.
        std::erase(marker.steps, "roles");
        require(postgres::write_marker(site.data_directory(), marker));
        require(site.workspace().account().give(site.data_directory()));
        const process::Finished second = prove_as_boss(site, socket);
        INFO(second.err);
        CHECK(second.exit_status == 0);
    });
}

TEST_CASE("a table polygon.refresh of production's own is replaced, and nothing of it is run") {
    Site& site = Site::shared();
    bootstrap_without_quarantine(site);
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        site.query(
            socket, "boss", "postgres",
            "SET transaction_read_only = off; SET session_replication_role = replica; "
            "CREATE SCHEMA polygon AUTHORIZATION report; CREATE TABLE public.calls (n int); "
            "CREATE FUNCTION public.evil() RETURNS timestamptz LANGUAGE sql AS "
            "'INSERT INTO public.calls VALUES (1); SELECT now()'; "
            "CREATE TABLE polygon.refresh (generation text PRIMARY KEY, proven_at timestamptz DEFAULT public.evil(), "
            "marker jsonb, verified_at timestamptz, certificate jsonb); "
            "ALTER TABLE polygon.refresh OWNER TO report; "
            "INSERT INTO polygon.refresh VALUES ('forged', '2999-01-01', '{}')");
        const process::Finished proven = prove_as_boss(site, socket);
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
        CHECK(site.query(socket, "boss", "postgres", "SELECT count(*) FROM public.calls") == "0");
        CHECK(holds(require(postgres::read_marker(site.data_directory()))->disarmed,
                    "database postgres: dropped production's own polygon.refresh"));
        CHECK(site.query(socket, "boss", "postgres",
                         "SELECT count(*), min(relowner::regrole::text) FROM polygon.refresh, "
                         "pg_class WHERE oid = 'polygon.refresh'::regclass") == "1|boss");
    });
}

}  // namespace
}  // namespace polygon::test
