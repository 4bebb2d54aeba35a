// Names that some place or other would take for more than a name: a connection string, a pattern, a command, a line.
#include <algorithm>
#include <fstream>
#include <functional>

#include <fmt/format.h>

#include "common/postgres/generation_marker.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;

std::string quoted(const std::string& name) {
    std::string text = "\"";
    for (const char c : name)
        text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + "\"";
}

// The listener is where a name would have us connect to.
std::vector<std::string> odd_names(const support::Listener& listener) {
    const std::string port = std::to_string(listener.port());
    return {"tenant=42",
            "hostaddr=127.0.0.1 port=" + port + " dbname=x",
            "host=127.0.0.1 port=" + port,
            "postgresql://127.0.0.1:" + port + "/x",
            "postgres://127.0.0.1:" + port,
            "service=x",
            "quote's \"both\"",
            "back\\slash",
            "100%s {} %n",
            "$(touch /tmp/polygon-named) `id`; :x :'x'",
            "line\nfeed",
            "escape\x1b[31m",
            "../up",
            "-c",
            " ",
            "[a-z]*",
            "naïve Straße",
            std::string(63, 'x')};
}

void run_script(const stdfs::path& socket, const std::string& database, const std::string& sql) {
    Site& site = Site::shared();
    const stdfs::path file = site.path() / "names.sql";
    std::ofstream(file) << sql;
    // psql expands what stands in -d, but not what the environment names.
    const process::Finished done = site.run(
        {"psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", file.string()},
        {{"PGHOST", socket.string()}, {"PGUSER", "boss"}, {"PGDATABASE", database}, {"PGCLIENTENCODING", "UTF8"}});
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
}

std::string make_databases_and_roles(const std::vector<std::string>& names) {
    std::string sql;
    for (const std::string& name : names) {
        sql += fmt::format("CREATE DATABASE {0}; CREATE ROLE {0} LOGIN SUPERUSER PASSWORD 'production-secret';\n",
                           quoted(name));
        sql += fmt::format("ALTER ROLE {0} IN DATABASE {0} SET app.api_host = 'partner.example';\n", quoted(name));
    }
    return sql;
}

std::string make_ties(const std::vector<std::string>& names) {
    std::string sql = "CREATE FOREIGN DATA WRAPPER bare;\n";
    for (const std::string& name : names) {
        sql += fmt::format(
            "CREATE SUBSCRIPTION {0} CONNECTION 'host=127.0.0.1 port=1 password=feed-secret' PUBLICATION {0} "
            "WITH (connect = false, slot_name = NONE);\n"
            "CREATE SCHEMA {0}; CREATE SERVER {0} FOREIGN DATA WRAPPER bare OPTIONS (password 'server-secret');\n"
            "CREATE USER MAPPING FOR {0} SERVER {0} OPTIONS (password 'mapping-secret');\n"
            "CREATE FOREIGN TABLE {0}.{0} ({0} int OPTIONS (password 'column-secret')) SERVER {0};\n"
            "CREATE EVENT TRIGGER {0} ON ddl_command_start EXECUTE FUNCTION refuse();\n",
            quoted(name));
    }
    return sql;
}

constexpr const char* kRefuse =
    "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS "
    "$$ BEGIN IF current_user <> 'boss' THEN RAISE 'refused'; END IF; END $$;\n";

stdfs::path back_up(const std::string& directory, const std::function<void(const stdfs::path& socket)>& fill,
                    const std::string& encoding = "UTF8") {
    Site& site = Site::shared();
    const stdfs::path data = site.path() / directory;
    const stdfs::path backup = site.path() / (directory + "-backup");
    REQUIRE(site.run_postgres({"initdb", "-D", data.string(), "-U", "boss", "-A", "trust", "--no-sync", "-E", encoding,
                               "--locale=C"})
                .exit_status == 0);
    site.with_server(data, [&](const stdfs::path& socket) {
        run_script(socket, "postgres", "CREATE ROLE app LOGIN PASSWORD 'production-app'");
        fill(socket);
        REQUIRE(site.run_postgres({"pg_basebackup", "-h", socket.string(), "-U", "boss", "--checkpoint=fast",
                                   "--no-sync", "-Fp", "-Xs", "-D", backup.string()})
                    .exit_status == 0);
    });
    return backup;
}

process::Finished bootstrap_from(const stdfs::path& backup, const std::string& section = "") {
    Site& site = Site::shared();
    site.clear();
    site.write_configuration(
        fmt::format("  source: {{directory: {}}}\n  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n{}",
                    backup.string(), section));
    return site.bootstrap();
}

bool holds(const std::vector<std::string>& lines, const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
}

process::Finished prove(const stdfs::path& socket) {
    Site& site = Site::shared();
    return site.run({"polygon-post-bootstrap", "--config", site.configuration().string(),
                     "host=" + socket.string() + " dbname=postgres user=postgres"});
}

TEST_CASE("names that look like connection strings, patterns or commands are names, and nobody is called") {
    Site& site = Site::shared();
    support::Listener listener;
    const std::vector<std::string> names = odd_names(listener);
    const stdfs::path backup = back_up("named", [&](const stdfs::path& socket) {
        run_script(socket, "postgres", make_databases_and_roles(names));
        run_script(socket, "tenant=42", kRefuse + make_ties(names));
        run_script(socket, names[1], kRefuse + make_ties({names[1]}));
        run_script(socket, "postgres",
                   "CREATE ROLE zero; ALTER DATABASE template0 RENAME TO t0; CREATE DATABASE template0 TEMPLATE t0");
        run_script(socket, "template0", kRefuse + make_ties({"zero"}));
    });
    REQUIRE(listener.count_connections() == 0);
    const stdfs::path sql = site.path() / "names-sql";
    stdfs::create_directory(sql);
    std::ofstream(sql / "10.sql") << "CREATE TABLE public.masked AS SELECT 1 AS n;\n";
    std::ofstream(sql / "20.sql") << "-- database: " << names[1] << "\nUPDATE public.masked SET n = 2;\n";
    const process::Finished done = bootstrap_from(backup, fmt::format("  sql: {}\n", sql.string()));
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK(listener.count_connections() == 0);
    // Each line of the log begins as ours do, and nothing on it draws.
    CHECK(done.err.find('\x1b') == std::string::npos);
    CHECK(done.err.find("-secret") == std::string::npos);
    CHECK(done.err.find("\nfeed") == std::string::npos);
    CHECK_FALSE(stdfs::exists("/tmp/polygon-named"));
    const auto marker = require(postgres::read_marker(site.data_directory())).value();
    CHECK(holds(marker.disarmed, "database template0: dropped subscription 'zero'"));
    CHECK(marker.superusers == std::vector<std::string>{"boss", "postgres"});
    CHECK(marker.locked_roles.size() == names.size() + 2);
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "postgres",
                         "SELECT (SELECT count(*) FROM pg_subscription), (SELECT count(*) FROM pg_db_role_setting), "
                         "(SELECT count(*) FROM pg_authid WHERE rolsuper), "
                         "(SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL AND rolcanlogin)") ==
              "0|0|2|4");
        for (const std::string& name : names) {
            INFO(name);
            const process::Finished asked =
                site.run({"psql", "-XAtqc", "SELECT n FROM public.masked"},
                         {{"PGHOST", socket.string()}, {"PGUSER", "postgres"}, {"PGDATABASE", name}});
            CHECK(asked.out == (name == names[1] ? "2\n" : "1\n"));
        }
        const process::Finished proven = prove(socket);
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
        CHECK(listener.count_connections() == 0);
    });
}

TEST_CASE("databases of other encodings are disarmed, and what they name is read as UTF-8") {
    Site& site = Site::shared();
    const stdfs::path backup = back_up("encoded", [&](const stdfs::path& socket) {
        run_script(socket, "postgres",
                   "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0; "
                   "CREATE DATABASE cyrillic ENCODING 'WIN1251' TEMPLATE template0;");
        // What is made there is in catalogs that all databases share, in the bytes of that database's encoding.
        run_script(socket, "latin", kRefuse + make_databases_and_roles({"größe"}) + make_ties({"größe"}));
        run_script(socket, "cyrillic", kRefuse + make_databases_and_roles({"размер"}) + make_ties({"размер"}));
    });
    const process::Finished done = bootstrap_from(backup);
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("dropped the user mapping of größe on foreign server 'größe'"));
    CHECK_THAT(done.err, ContainsText("dropped the user mapping of размер on foreign server 'размер'"));
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "postgres",
                         "SELECT (SELECT count(*) FROM pg_subscription), (SELECT count(*) FROM pg_db_role_setting), "
                         "(SELECT count(*) FROM pg_authid WHERE rolcanlogin)") == "0|0|4");
        const process::Finished proven = prove(socket);
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
    });
}

TEST_CASE("a production that is in another encoding as a whole is disarmed") {
    Site& site = Site::shared();
    const stdfs::path backup = back_up(
        "windows",
        [&](const stdfs::path& socket) {
            run_script(socket, "postgres", make_databases_and_roles({"Ирина"}));
            run_script(socket, "postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
            run_script(socket, "latin", kRefuse + make_databases_and_roles({"größe"}) + make_ties({"größe"}));
            // In the startup packet nothing is converted.
            run_script(socket, "\xc8\xf0\xe8\xed\xe0", kRefuse + make_ties({"Ирина"}));
        },
        "WIN1251");
    const process::Finished done = bootstrap_from(backup);
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("dropped the user mapping of Ирина on foreign server 'Ирина'"));
    CHECK(require(postgres::read_marker(site.data_directory()))->locked_roles ==
          std::vector<std::string>{"boss", "grцЯe", "Ирина"});  // the same bytes
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        const process::Finished proven = prove(socket);
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
        CHECK_THAT(site.query(socket, "postgres", "postgres", "SELECT marker::text FROM polygon.refresh"),
                   ContainsText("on foreign server 'gr\\u00f6\\u00dfe'"));
    });
}

}  // namespace
}  // namespace polygon::test
