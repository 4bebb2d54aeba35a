// Where values of before masking stay: dead rows, statistics, materialized views.
#include <fstream>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "tests/integration/programs/own_production.h"
#include "tests/support/secrets.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;

const Script kDatabases = {"postgres",
                           "CREATE ROLE app LOGIN PASSWORD 'production-app'; CREATE DATABASE shop; "
                           "CREATE DATABASE closed; CREATE DATABASE idle;"};

// A value of its own for each way to change a table; all are in production's statistics.
const Script kShop = {"shop", R"sql(
CREATE TABLE updated AS SELECT g AS id, 'updated-value' AS v FROM generate_series(1, 200) g;
CREATE SCHEMA own;
ALTER DATABASE shop SET search_path = public, own;
SET search_path = public, own;
CREATE FUNCTION own.loud(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT upper($1)';
DO $$ BEGIN  -- since 17 an index's functions never see the session's search_path
    EXECUTE format('CREATE FUNCTION louder(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS %L',
        format('BEGIN RETURN %sloud($1); END',
            CASE WHEN current_setting('server_version_num')::int >= 170000 THEN 'own.' ELSE '' END));
END $$;
CREATE INDEX ON updated (louder(v));
CREATE TABLE deleted AS SELECT g AS id, 'deleted-value' AS v FROM generate_series(1, 200) g;
CREATE TABLE truncated AS SELECT g AS id, 'truncated-value' AS v FROM generate_series(1, 200) g;
CREATE TABLE dropped AS SELECT g AS id, 'dropped-value' AS v FROM generate_series(1, 200) g;
CREATE TABLE altered AS SELECT g AS id, 'altered-value' AS v FROM generate_series(1, 200) g;
CREATE TABLE shortened AS SELECT g AS id, 'shortened-value' AS v, 1 AS w FROM generate_series(1, 200) g;
CREATE TABLE "we.ird ""t" (v text);
ALTER TABLE "we.ird ""t" ALTER v SET STORAGE EXTERNAL;
INSERT INTO "we.ird ""t" SELECT repeat('toasted-value', 400) FROM generate_series(1, 5);
CREATE TABLE parts (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE part2 PARTITION OF parts FOR VALUES FROM (100) TO (200);
INSERT INTO parts SELECT g, 'parted-value' FROM generate_series(0, 199) g;
CREATE TABLE parent (id int PRIMARY KEY, v text UNIQUE);
CREATE TABLE child (v text REFERENCES parent (v) ON UPDATE CASCADE);
INSERT INTO parent VALUES (1, 'cascaded-value');
INSERT INTO child SELECT 'cascaded-value' FROM generate_series(1, 200);
CREATE TABLE audit (what text);
CREATE TABLE untouched AS SELECT g AS id, 'untouched' AS v FROM generate_series(1, 200) g;
CREATE TABLE both_ways (a text, b text);
INSERT INTO both_ways SELECT 'extended-value', 'extended-value' FROM generate_series(1, 200);
CREATE STATISTICS extended (mcv) ON a, b FROM both_ways;
CREATE MATERIALIZED VIEW refreshed AS SELECT v AS seen FROM updated;
CREATE MATERIALIZED VIEW stale AS SELECT 'stale ' || v AS seen FROM deleted;
CREATE TABLE objects AS SELECT lo_from_bytea(0, 'object-value') AS object;
UPDATE untouched SET v = 'untouched';
ANALYZE;
)sql"};
const Script kClosed = {"closed", R"sql(
CREATE TABLE hidden AS SELECT g AS id, 'hidden-value' AS v FROM generate_series(1, 200) g;
ANALYZE;
\connect postgres
ALTER DATABASE closed ALLOW_CONNECTIONS false;
)sql"};

const char* const kMaskShop = R"sql(-- database: shop
UPDATE updated SET v = 'masked';
DELETE FROM deleted;
TRUNCATE truncated;
DROP TABLE dropped;
ALTER TABLE altered ALTER v TYPE text USING 'masked';
ALTER TABLE shortened DROP v;
UPDATE "we.ird ""t" SET v = 'masked';
UPDATE parts SET v = 'masked' WHERE id < 100;
DELETE FROM parts WHERE id >= 100;
UPDATE parent SET v = 'masked';
INSERT INTO audit VALUES ('masked');
SAVEPOINT s;
UPDATE both_ways SET a = 'masked', b = 'masked';
RELEASE s;
REFRESH MATERIALIZED VIEW refreshed;
SELECT lo_put(object, 0, 'masked object') FROM objects;
\o
\pset format html
)sql";
const char* const kMaskClosed = "-- database: closed\nUPDATE hidden SET v = 'masked';\n";

const support::Secrets kValues = {"updated-value",  "UPDATED-VALUE",  "deleted-value", "truncated-value",
                                  "dropped-value",  "altered-value",  "toasted-value", "parted-value",
                                  "cascaded-value", "extended-value", "object-value",  "hidden-value",
                                  "shortened-value"};

// The clone of a production with these values, masked.
postgres::GenerationMarker masked_clone(const std::string& more, const std::string& views = "") {
    static const stdfs::path backup = back_up("traces", {kDatabases, kShop, kClosed});
    Site& site = Site::shared();
    const stdfs::path folder = require(site.workspace().make_directory("traces.d"));
    std::ofstream(folder / "10-shop.sql") << kMaskShop << views;
    std::ofstream(folder / "20-closed.sql") << kMaskClosed;
    return clone_of(backup, "  sql: " + folder.string() + "\n" + more);
}

std::string joined(const Lines& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

TEST_CASE("tables that still hold rows of before masking are named, and statistics hold none of their values") {
    Site& site = Site::shared();
    const auto marker = masked_clone("");
    CHECK(joined(marker.old_rows) ==
          "table public.hidden of database closed\n"
          "table pg_catalog.pg_largeobject of database shop\n"
          "table public.\"we.ird \"\"t\" of database shop\n"
          "table public.both_ways of database shop\n"
          "table public.child of database shop\n"
          "table public.deleted of database shop\n"
          "table public.parent of database shop\n"
          "table public.part1 of database shop\n"
          "table public.part2 of database shop\n"
          "table public.shortened of database shop\n"
          "table public.updated of database shop\n");
    CHECK(joined(marker.unrefreshed) == "materialized view public.stale of database shop\n");
    const std::string found = joined(support::find_in_data_directory(site.data_directory(), kValues));
    CHECK(found.find("updated-value") != std::string::npos);
    for (const char* gone : {"truncated-value", "dropped-value", "altered-value"})
        CHECK(found.find(gone) == std::string::npos);
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "shop",
                         "SELECT count(*) FROM pg_stats WHERE concat(most_common_vals, histogram_bounds) ~ '-value' "
                         "AND tablename <> 'stale'") == "0");
        CHECK(site.query(socket, "postgres", "shop",
                         "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_stats WHERE attname = 'v' AND "
                         "schemaname = 'public' AND concat(most_common_vals) ~ 'masked'") ==
              "altered child part1 parts updated we.ird \"t");
        CHECK(site.query(socket, "postgres", "shop",
                         "SELECT most_common_vals::text FROM pg_stats_ext WHERE statistics_name = 'extended'") ==
              "{{masked,masked}}");
        const process::Finished proven = prove(socket);
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
        CHECK_THAT(proven.err, ContainsText("WARN"));
        CHECK_THAT(proven.err, ContainsText("not proven check=\"old row versions\""));
        CHECK_THAT(proven.err, ContainsText("not proven check=\"materialized views\""));
    });
}

TEST_CASE("masking.rewrite leaves no value of before masking in any file") {
    Site& site = Site::shared();
    for (const std::string identifier : {"new", "keep"}) {
        INFO(identifier);
        const auto marker = masked_clone(
            "  masking: {rewrite: true}\n  databases: {rename: {shop: shop2}}\n"
            "  system_identifier: " +
                identifier + "\n",
            "REFRESH MATERIALIZED VIEW stale;\n");
        CHECK(marker.old_rows.empty());
        CHECK(marker.unrefreshed.empty());
        CHECK(joined(support::find_in_data_directory(site.data_directory(), kValues)) == "");
        site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
            CHECK(site.query(socket, "postgres", "shop2", "SELECT count(*) FROM updated WHERE v = 'masked'") == "200");
            CHECK(site.query(socket, "postgres", "shop2", "SELECT convert_from(lo_get(object), 'UTF8') FROM objects") ==
                  "masked object");
            CHECK(prove(socket).exit_status == 0);
        });
    }
}

TEST_CASE("masking.rewrite without masking is an error of the configuration") {
    const process::Finished refused =
        bootstrap_from(Site::shared().tar_backups() / "20261120", "  masking: {rewrite: true}\n");
    CHECK(refused.exit_status == exit_status(Errc::configuration));
    CHECK_THAT(refused.err, ContainsText("polygon.masking.rewrite (patroni.yml:18) needs polygon.sql"));
    CHECK(Site::shared().has_no_data());
}

}  // namespace
}  // namespace polygon::test
