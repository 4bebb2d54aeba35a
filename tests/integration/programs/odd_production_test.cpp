// Productions with what stands in the way of disarming them: extensions that act by themselves, credentials in odd
// places, locks that nobody holds any more, code that never ends.
#include "tests/integration/programs/own_production.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;

// No package of Debian's has these extensions: each is a row in the catalog, and what we touch of its tables.
const Script kDatabases = {"postgres", R"sql(
CREATE ROLE app LOGIN PASSWORD 'production-app';
CREATE DATABASE shop;
CREATE DATABASE sharded;
CREATE DATABASE jobs;
CREATE DATABASE broken;
UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'broken';
)sql"};
const Script kShop = {"shop", R"sql(
CREATE SCHEMA pglogical;
CREATE TABLE pglogical.subscription (sub_name name, sub_enabled boolean NOT NULL DEFAULT true);
CREATE TABLE pglogical.node_interface (if_name name, if_dsn text NOT NULL);
INSERT INTO pglogical.subscription VALUES ('a', true), ('b', true), ('c', false);
INSERT INTO pglogical.node_interface VALUES ('a', 'host=prod password=node-secret');
INSERT INTO pg_extension VALUES (99991, 'pglogical', 10, 'pglogical'::regnamespace, false, '2.4.4', NULL, NULL);
CREATE SUBSCRIPTION owned CONNECTION 'host=127.0.0.1 port=1 user=u password=feed-secret' PUBLICATION p
    WITH (connect = false, slot_name = 'owned');
DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        ALTER SUBSCRIPTION owned OWNER TO app;
    ELSE
        UPDATE pg_subscription SET subowner = 'app'::regrole;
    END IF;
END $$;
CREATE TABLE slow (id int);
INSERT INTO pg_subscription_rel VALUES ((SELECT oid FROM pg_subscription WHERE subname = 'owned'), 'slow'::regclass, 'i', NULL);
CREATE FOREIGN DATA WRAPPER bare OPTIONS (master_password 'wrapper-secret');
CREATE SERVER web FOREIGN DATA WRAPPER bare OPTIONS (url 'https://u:web-secret@api.example:8443/v1');
CREATE SERVER path FOREIGN DATA WRAPPER bare OPTIONS (url 'https://api.example:8443/path-secret?sig=query-secret');
CREATE SERVER odbc FOREIGN DATA WRAPPER bare OPTIONS (driver 'SERVER=db;PWD=odbc-secret', port '1;-secret', host 'db.example');
CREATE FOREIGN TABLE "we.ird" ("i d" int OPTIONS (key 'true', api_token 'column-secret')) SERVER path
    OPTIONS (object 'x', conninfo 'host=h password=table-secret');
)sql"};
const Script kSharded = {"sharded", R"sql(
INSERT INTO pg_extension VALUES (99992, 'citus', 10, 'public'::regnamespace, false, '12.1', NULL, NULL);
)sql"};
const Script kJobs = {"jobs", R"sql(
INSERT INTO pg_extension VALUES (99993, 'pg_cron', 10, 'public'::regnamespace, false, '9.0', NULL, NULL);
)sql"};

const stdfs::path& backup_with_extensions() {
    static const stdfs::path backup = back_up("extended", {kDatabases, kShop, kSharded, kJobs});
    return backup;
}

TEST_CASE("an extension that nothing here can disarm stops the bootstrap, unless its database is dropped") {
    check_refused(
        backup_with_extensions(), "  jobs: keep\n", Errc::unsupported,
        "cannot cut the ties of database 'sharded': nothing here can disarm extension citus: it connects to its worker "
        "nodes",
        "HINT: Have the database dropped (polygon.databases.drop), or name the extension in polygon.extensions.keep.");
    check_refused(backup_with_extensions(), "  extensions: {keep: [cituss]}\n", Errc::configuration,
                  "names 'cituss', which is not known to act by itself", "HINT: Take it out; bdr, citus, ");
    const auto marker = clone_of(backup_with_extensions(), "  jobs: keep\n  databases: {drop: [sharded]}\n");
    CHECK(holds(marker.disarmed, "database shop: disabled 2 subscriptions of pglogical"));
    CHECK(holds(marker.disarmed, "database shop: overwrote 1 addresses of pglogical"));
    Site& site = Site::shared();
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "shop", "SELECT count(*) FROM pglogical.subscription WHERE sub_enabled") ==
              "0");
        CHECK(site.query(socket, "postgres", "shop", "SELECT if_dsn FROM pglogical.node_interface") ==
              "host=/nonexistent port=1");
        CHECK(prove(socket).exit_status == 0);
    });
}

TEST_CASE("an extension that the configuration keeps is named, and another one is found on the leader") {
    Site& site = Site::shared();
    const auto marker = clone_of(backup_with_extensions(), "  jobs: keep\n  extensions: {keep: [citus]}\n");
    CHECK(holds(marker.left,
                "database sharded: extension citus, kept as polygon.extensions.keep wants: it connects to its worker "
                "nodes"));
    CHECK(holds(marker.kept_ties, "extension citus"));
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        site.query(socket, "postgres", "shop", "UPDATE pglogical.subscription SET sub_enabled = true");
        const process::Finished refused = prove(socket);
        INFO(refused.err);
        CHECK(refused.exit_status == exit_status(Errc::not_proven));
        CHECK_THAT(refused.err, ContainsText("not proven: extensions that act by themselves: database shop: 3 "
                                             "subscriptions of pglogical"));
        site.query(socket, "postgres", "shop", "UPDATE pglogical.subscription SET sub_enabled = false");
        const process::Finished proven = prove(socket);
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
    });
}

TEST_CASE("jobs that are not known here stop the bootstrap, and are named where jobs are kept") {
    check_refused(backup_with_extensions(), "  extensions: {keep: [citus]}\n", Errc::unsupported,
                  "extension pg_cron keeps its jobs in no table that is known here", "or set polygon.jobs to keep.");
    const auto marker = clone_of(backup_with_extensions(), "  jobs: keep\n  extensions: {keep: [citus]}\n");
    CHECK(holds(marker.left, "database jobs: by polygon.jobs: extension pg_cron: its jobs are not known here"));
}

TEST_CASE("a database whose DROP was interrupted is dropped") {
    Site& site = Site::shared();
    for (const char* databases : {"", "  databases: {drop: [broken]}\n"}) {
        INFO(databases);
        const auto marker = clone_of(backup_with_extensions(),
                                     std::string("  jobs: keep\n  extensions: {keep: [citus]}\n") + databases);
        CHECK(holds(marker.disarmed, "dropped database broken, whose DROP was interrupted"));
        site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
            CHECK(site.query(socket, "postgres", "postgres",
                             "SELECT count(*) FROM pg_database WHERE datname = 'broken'") == "0");
        });
    }
}

TEST_CASE("a subscription whose owner is no superuser is cut, dropped or kept without an address") {
    Site& site = Site::shared();
    const std::string section = "  jobs: keep\n  extensions: {keep: [citus]}\n";
    CHECK(holds(clone_of(backup_with_extensions(), section).disarmed, "database shop: dropped subscription 'owned'"));
    const auto marker = clone_of(backup_with_extensions(), section + "  subscriptions: disable\n");
    CHECK(holds(marker.disarmed, "database shop: disabled subscription 'owned'"));
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "shop",
                         "SELECT subenabled, subslotname IS NULL, subconninfo FROM pg_subscription") ==
              "f|t|host=/nonexistent port=1 password=none");
    });
}

TEST_CASE("credentials are dropped from the options of wrappers, servers, tables and columns, and never printed") {
    Site& site = Site::shared();
    const auto marker = clone_of(backup_with_extensions(), "  jobs: keep\n  extensions: {keep: [citus]}\n");
    for (const char* line :
         {"option api_token of column 'i d' of foreign table 'public.we.ird'",
          "option conninfo of foreign table 'public.we.ird'", "option master_password of foreign-data wrapper 'bare'",
          "option url of foreign server 'web'", "option driver of foreign server 'odbc'"}) {
        INFO(line);
        CHECK(holds(marker.disarmed, std::string("database shop: dropped ") + line));
    }
    CHECK(holds(marker.left, "database shop: foreign server 'web' of bare"));
    CHECK(holds(marker.left, "database shop: foreign server 'path' of bare, to api.example:8443"));
    CHECK(holds(marker.left, "database shop: foreign server 'odbc' of bare, to db.example"));
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "shop",
                         "SELECT fdwoptions IS NULL, ftoptions, attfdwoptions FROM pg_foreign_data_wrapper, "
                         "pg_foreign_table, pg_attribute WHERE attrelid = ftrelid AND attnum = 1") ==
              "t|{object=x}|{key=true}");
    });
}

TEST_CASE("prepared transactions that lock a closed database are rolled back before it is opened") {
    const stdfs::path backup = back_up(
        "locked", {{"postgres", "CREATE ROLE app; CREATE DATABASE closed; CREATE DATABASE open; CREATE DATABASE zoo;"},
                   {"closed", "CREATE TABLE t (); BEGIN; LOCK TABLE t; PREPARE TRANSACTION 'in the closed'"},
                   {"postgres", "ALTER DATABASE closed ALLOW_CONNECTIONS false"},
                   {"zoo", "BEGIN; ALTER DATABASE closed CONNECTION LIMIT 7; PREPARE TRANSACTION 'of closed'"},
                   {"zoo", "BEGIN; ALTER DATABASE open CONNECTION LIMIT 7; PREPARE TRANSACTION 'of open'"}});
    const auto marker = clone_of(backup, "  quarantine: {timeout: 120s}\n");
    CHECK(Lines(marker.disarmed.begin(), marker.disarmed.begin() + 3) ==
          Lines{"database zoo: rolled back prepared transaction 'of closed'",
                "database zoo: rolled back prepared transaction 'of open'",
                "database closed: rolled back prepared transaction 'in the closed'"});
}

TEST_CASE("a trigger that never ends is ended by quarantine.timeout, and its database named") {
    const stdfs::path backup =
        back_up("looping", {{"postgres", "CREATE ROLE app; CREATE DATABASE loops;"}, {"loops", R"sql(
CREATE SCHEMA pgagent;
CREATE TABLE pgagent.pga_job AS SELECT 1 AS jobid, true AS jobenabled;
INSERT INTO pg_extension VALUES (99994, 'pgagent', 10, 'pgagent'::regnamespace, false, '4.2', NULL, NULL);
CREATE FUNCTION loop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    LOOP
        BEGIN PERFORM pg_catalog.pg_sleep(3600); EXCEPTION WHEN OTHERS THEN NULL; END;
    END LOOP;
END $$;
CREATE TRIGGER loop BEFORE UPDATE ON pgagent.pga_job FOR EACH ROW EXECUTE FUNCTION loop();
ALTER TABLE pgagent.pga_job ENABLE ALWAYS TRIGGER loop;
)sql"}});
    check_refused(backup, "  quarantine: {timeout: 20s}\n", Errc::timeout,
                  "the quarantine's time is over: cannot cut the ties of database 'loops': PostgreSQL says: canceling "
                  "statement due to statement timeout (SQLSTATE 57014)",
                  "HINT: Something of production's may wait or loop there; else raise polygon.quarantine.timeout.");
}

// Before 17 there is no such event, and the row that stands for one does nothing.
constexpr const char* kLoginTrigger = R"sql(
CREATE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_setting('application_name') IN ('pg-polygon', 'Patroni') THEN
        COPY (SELECT 1) TO PROGRAM 'touch /tmp/polygon-login-trigger-was-here';
    END IF;
END $$;
DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 170000 THEN
        EXECUTE 'CREATE EVENT TRIGGER "at login" ON login EXECUTE FUNCTION on_login()';
    ELSE
        CREATE EVENT TRIGGER "at login" ON ddl_command_end EXECUTE FUNCTION on_login();
        UPDATE pg_event_trigger SET evtevent = 'login';
    END IF;
END $$;
ALTER EVENT TRIGGER "at login" ENABLE ALWAYS;
CREATE EVENT TRIGGER other ON ddl_command_end EXECUTE FUNCTION on_login();
)sql";

TEST_CASE("login event triggers are disabled and listed, and run in no session of ours (fired from PostgreSQL 17 on)") {
    Site& site = Site::shared();
    const stdfs::path trace = "/tmp/polygon-login-trigger-was-here";
    stdfs::remove(trace);
    const stdfs::path backup = back_up(
        "login",
        {{"postgres", "CREATE ROLE app; CREATE DATABASE shop;"}, {"shop", kLoginTrigger}, {"postgres", kLoginTrigger}});
    const auto marker = clone_of(backup, "");
    CHECK(holds(marker.disarmed, "database shop: disabled login event trigger 'at login'"));
    CHECK(holds(marker.disarmed, "database postgres: disabled login event trigger 'at login'"));
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        const std::string states =
            "SELECT string_agg(evtname || evtenabled::text, ',' ORDER BY evtname) FROM pg_event_trigger";
        CHECK(site.query(socket, "postgres", "shop", states) == "at loginD,otherO");
        CHECK(prove(socket).exit_status == 0);
        site.query(socket, "postgres", "shop", "ALTER EVENT TRIGGER \"at login\" ENABLE ALWAYS");
        const process::Finished refused = prove(socket);
        INFO(refused.err);
        CHECK(refused.exit_status == exit_status(Errc::not_proven));
        CHECK_THAT(refused.err, ContainsText("login event triggers: database shop: login event trigger 'at login'"));
    });
    CHECK_FALSE(stdfs::exists(trace));
}

}  // namespace
}  // namespace polygon::test
