// Ties that no extension's row in the catalog gives away: programs in options, what tools have installed by scripts of
// their own, functions in languages that may do anything.
#include "tests/integration/programs/own_production.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;

const Script kDatabases = {"postgres", "CREATE ROLE app LOGIN PASSWORD 'production-app'; CREATE DATABASE tools;"};

// The tables are as pgAgent's, pg_timetable's, pg_partman's and Slony-I's scripts make them, as far as they matter.
const Script kTools = {"tools", R"sql(
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE listing (line text) SERVER files OPTIONS (program 'curl http://10.0.0.9/list');
CREATE FOREIGN TABLE secret (line text) SERVER files OPTIONS (program 'psql "host=h password=program-secret"');
CREATE FOREIGN TABLE plain (line text) SERVER files OPTIONS (filename '/etc/hostname');
CREATE FUNCTION insist(text[], oid) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    IF $2 = 'pg_foreign_server'::regclass AND NOT EXISTS (SELECT FROM unnest($1) o WHERE o ~ '^api_key=') THEN
        RAISE EXCEPTION 'api_key is required';
    END IF;
END $$;
CREATE FOREIGN DATA WRAPPER strict VALIDATOR insist;
CREATE SERVER api FOREIGN DATA WRAPPER strict OPTIONS (api_key 'mandatory-secret');
CREATE SCHEMA pgagent;
CREATE TABLE pgagent.pga_job AS SELECT g AS jobid, g < 3 AS jobenabled FROM generate_series(1, 3) g;
CREATE TABLE pgagent.pga_jobstep AS SELECT g AS jstjobid,
    CASE g WHEN 1 THEN 'host=prod password=step-secret' ELSE '' END AS jstconnstr FROM generate_series(1, 3) g;
CREATE SCHEMA timetable;
CREATE TABLE timetable.chain AS SELECT 1 AS chain_id, true AS live;
CREATE SCHEMA partman;
CREATE TABLE partman.part_config AS SELECT 'public.t' AS parent_table, 'on' AS automatic_maintenance;
CREATE SCHEMA _cluster;
CREATE TABLE _cluster.sl_path (pa_server int, pa_client int, pa_conninfo text);
INSERT INTO _cluster.sl_path VALUES (1, 2, 'host=prod password=slony-secret');
CREATE SCHEMA bucardo;
CREATE TABLE bucardo.db (name text, dbdsn text NOT NULL DEFAULT '', dbhost text, dbpass text,
    dbconn text NOT NULL DEFAULT '');
INSERT INTO bucardo.db VALUES ('a', '', 'prod', 'bucardo-secret', ''), ('b', 'dbi:Pg:password=dsn-secret', '', NULL, ''),
    ('c', '', 'prod', NULL, 'password=conn-secret');
CREATE TABLE dblink_mapping_mimeo (data_source_id serial, data_source text NOT NULL, username text NOT NULL, pwd text);
INSERT INTO dblink_mapping_mimeo (data_source, username) VALUES ('host=prod password=source-secret', 'mimeo');
CREATE TABLE broker AS SELECT 1 AS id, 'b.example' AS host, '/' AS vhost, 'an application''s own' AS password;
CREATE SCHEMA cron;
CREATE TABLE cron.job AS SELECT 'an application''s own' AS what;
CREATE TABLE nodes AS SELECT 'https://docs.example' AS conninfo;
CREATE FUNCTION handle() RETURNS language_handler AS '$libdir/plpgsql', 'plpgsql_call_handler' LANGUAGE c;
CREATE LANGUAGE plshell HANDLER handle;
CREATE FUNCTION fetch_all() RETURNS void LANGUAGE plshell AS 'BEGIN END';
)sql"};

const stdfs::path& backup_with_tools() {
    static const stdfs::path backup = back_up("tools", {kDatabases, kTools});
    return backup;
}

TEST_CASE("a program in an option is dropped, and an option that its wrapper insists on is overwritten") {
    Site& site = Site::shared();
    const auto marker = clone_of(backup_with_tools(), "");
    for (const char* line :
         {"option program of foreign table 'public.listing', which is empty now",
          "option program of foreign table 'public.secret', which is empty now",
          "option api_key of foreign server 'api', which is 'none' now: the wrapper insists on it"}) {
        INFO(line);
        CHECK(holds(marker.disarmed, std::string("database tools: dropped ") + line));
    }
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "tools", "SELECT count(*) FROM listing") == "0");
        CHECK(site.query(socket, "postgres", "tools", "SELECT count(*) FROM plain") == "1");
        CHECK(prove(socket).exit_status == 0);
        site.query(socket, "postgres", "tools",
                   "ALTER FOREIGN TABLE listing OPTIONS (DROP filename, ADD program 'id')");
        const process::Finished refused = prove(socket);
        CHECK(refused.exit_status == exit_status(Errc::not_proven));
        CHECK_THAT(refused.err, ContainsText("partners' credentials: database tools: option program of foreign table "
                                             "'public.listing'"));
    });
}

TEST_CASE("what tools have installed by scripts of their own is switched off and overwritten") {
    Site& site = Site::shared();
    const auto marker = clone_of(backup_with_tools(), "");
    for (const char* line :
         {"switched off 2 active jobs of pgagent (pga_job)", "switched off 1 active jobs of pg_timetable (chain)",
          "switched off 1 active jobs of pg_partman (part_config)",
          "dropped 1 connections stored by pgAgent (pga_jobstep.jstconnstr)",
          "dropped 1 connections stored by Slony-I (sl_path.pa_conninfo)",
          "dropped 1 connections stored by Bucardo (db.dbpass)", "dropped 1 connections stored by Bucardo (db.dbdsn)",
          "dropped 1 connections stored by Bucardo (db.dbconn)",
          "dropped 1 connections stored by mimeo (dblink_mapping_mimeo.data_source)"}) {
        INFO(line);
        CHECK(holds(marker.disarmed, std::string("database tools: ") + line));
    }
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(
            site.query(socket, "postgres", "tools",
                       "SELECT count(*) FILTER (WHERE jobenabled), (SELECT count(*) FILTER (WHERE live) FROM "
                       "timetable.chain), (SELECT min(what) FROM cron.job), (SELECT min(conninfo) FROM nodes), (SELECT "
                       "min(password) FROM broker) FROM pgagent.pga_job") ==
            "0|0|an application's own|https://docs.example|an application's own");
        CHECK(site.query(socket, "postgres", "tools", "SELECT count(*) FROM bucardo.db b WHERE b::text ~ 'secret'") ==
              "0");
        CHECK(prove(socket).exit_status == 0);
        site.query(socket, "postgres", "tools", "UPDATE pgagent.pga_job SET jobenabled = true");
        const process::Finished refused = prove(socket);
        CHECK(refused.exit_status == exit_status(Errc::not_proven));
        CHECK_THAT(refused.err, ContainsText("jobs: database tools: 3 active jobs of pgagent (pga_job)"));
    });
}

TEST_CASE("programs, stored connections and functions that may do anything are named where they are kept") {
    const auto marker = clone_of(backup_with_tools(), "  foreign_servers: keep\n  jobs: keep\n");
    for (const char* line : {"by polygon.foreign_servers: option program of foreign table 'public.listing'",
                             "by polygon.foreign_servers: 1 connections stored by Slony-I (sl_path.pa_conninfo)",
                             "by polygon.jobs: 2 active jobs of pgagent (pga_job)",
                             "1 functions in the untrusted language plshell, which may connect anywhere: "
                             "public.fetch_all",
                             "1 functions of library '$libdir/plpgsql', which no extension has"}) {
        INFO(line);
        CHECK(holds(marker.left, std::string("database tools: ") + line));
    }
}

}  // namespace
}  // namespace polygon::test
