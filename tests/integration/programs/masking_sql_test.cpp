// run_sql() on a production that runs: what a file may do, and what becomes of one that fails.
#include <algorithm>

#include "common/base/error.h"
#include "tests/integration/programs/masking_site.h"
#include "tests/support/capture.h"
#include "tests/support/processes.h"

namespace polygon::test {
namespace {

using namespace std::chrono_literals;

// On a production that runs, with these files.
void with_files(const std::vector<std::pair<std::string, std::string>>& files,
                const std::function<void(MaskingSite&)>& body) {
    MaskingSite& masking = MaskingSite::shared();
    masking.clear_folder();
    for (const auto& [name, text] : files)
        masking.write(name, text);
    masking.with_production([&] { body(masking); });
}

// The error of running these files, and that nothing but it was said.
Error failure_of(const std::vector<std::pair<std::string, std::string>>& files,
                 const std::function<void(MaskingSite&)>& after = {}) {
    Error error;
    with_files(files, [&](MaskingSite& masking) {
        Result<std::vector<std::string>> done = std::vector<std::string>();
        const std::string said = support::capture_stderr([&] { done = masking.run(); });
        INFO(said);
        REQUIRE_FALSE(done.has_value());
        CHECK_FALSE(done.error().hint.empty());
        CHECK((said + done.error().message).find("hunter2") == std::string::npos);
        error = done.error();
        if (after) after(masking);
    });
    return error;
}

TEST_CASE("production's settings, row security and event triggers are out of force, its keys and triggers are not") {
    const std::string mask =
        "-- database: shop\n"
        "SELECT pg_sleep(0.1), 'printed-nowhere';\n"
        "ALTER TABLE customers ADD masked text;\n"  // event triggers refuse it
        "UPDATE customers SET id = id + 5000, email = id || '@polygon', masked = 'กุญแจ\\n';\n"
        "UPDATE notes SET body = 'masked';\n"  // row security lets nobody see a row
        "DO $$ BEGIN IF current_user <> 'boss' THEN RAISE EXCEPTION 'as %', current_user; END IF; END $$;\n";
    with_files({{"10.sql", mask}}, [](MaskingSite& masking) {
        std::vector<std::string> lines;
        const std::string said = support::capture_stderr([&] { lines = require(masking.run()); });
        REQUIRE(lines.size() == 1);
        CHECK(lines[0].starts_with("10.sql in shop, "));
        CHECK(lines[0].ends_with(" s"));
        CHECK_THAT(said, ContainsText("running SQL file=10.sql database=shop"));
        CHECK_THAT(said, ContainsText("SQL run file=10.sql database=shop seconds="));
        CHECK(said.find("printed-nowhere") == std::string::npos);
        CHECK(masking.query("shop", "SELECT count(*) FROM shop.customers WHERE email LIKE '%@polygon'") == "1000");
        CHECK(masking.query("shop", "SELECT DISTINCT masked FROM shop.customers") == "กุญแจ\\n");
        CHECK(masking.query("shop", "SELECT min(customer) FROM shop.orders") == "5001");  // ON UPDATE CASCADE
        CHECK(masking.query("shop", "SELECT DISTINCT body FROM shop.notes") == "masked");
        CHECK(masking.query("shop",
                            "SELECT string_agg(evtname || ':' || evtenabled::text, ' ' ORDER BY evtname) FROM "
                            "pg_event_trigger") == "refuse:O refuse_always:A refuse_replica:R sleeping:D");
    });
}

TEST_CASE("a trigger that refuses is in force, and a file may say otherwise for itself") {
    const Error error = failure_of({{"10.sql", "-- database: shop\nUPDATE guarded SET n = 2;\n"}});
    CHECK(error.message ==
          "masking failed: '10.sql' line 2 in database 'shop': SQLSTATE P0001: rows stay; statement: UPDATE guarded "
          "SET n = 2;");
    with_files(
        {{"10.sql", "-- database: shop\nSET LOCAL session_replication_role = replica;\nUPDATE guarded SET n = 2;"}},
        [](MaskingSite& masking) {
            require(masking.run());
            CHECK(masking.query("shop", "SELECT n FROM shop.guarded") == "2");
        });
}

TEST_CASE("every database but templates is masked, whatever its name, those without connections too") {
    with_files(
        {{"10.sql", "CREATE TABLE public.masked AS SELECT current_database() AS name;\n"},
         {"20 it's \"b\" $(x);.sql", "ALTER TABLE public.masked ADD second int;\n"},
         {"-x.sql", "SELECT 1;\n"},
         {".hidden.sql", "not sql"}},
        [](MaskingSite& masking) {
            const auto lines = require(masking.run());
            std::vector<std::string> databases = {"closed", "postgres", "shop", "thai"};
            databases.insert(databases.end(), kHostileDatabases.begin(), kHostileDatabases.end());
            CHECK(lines.size() == 3 * databases.size());
            const auto open = [&](const std::string& allowed) {
                masking.query("postgres", "ALTER DATABASE closed ALLOW_CONNECTIONS " + allowed);
            };
            CHECK(masking.query("postgres", "SELECT datallowconn FROM pg_database WHERE datname = 'closed'") == "f");
            open("true");
            for (const std::string& database : databases) {
                INFO(database);
                CHECK(masking.query(database, "SELECT name FROM public.masked WHERE second IS NULL") == database);
            }
            open("false");
            CHECK(masking.query("template1", "SELECT to_regclass('public.masked') IS NULL") == "t");
        });
}

// On one line: waits until two masking sessions have seen each other, and for the other to say so, by a lock that all
// can see, until it ends.
std::string meet() {
    const std::string masking =
        "(SELECT count(DISTINCT datname) FROM pg_stat_activity WHERE application_name LIKE 'pg-polygon masking%')";
    const std::string met = "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42)";
    const auto wait_for = [](const std::string& condition) {
        return "FOR i IN 1..3000 LOOP PERFORM pg_stat_clear_snapshot(); EXIT WHEN " + condition +
               "; IF i = 3000 THEN RAISE EXCEPTION 'alone'; END IF; PERFORM pg_sleep(0.02); END LOOP; ";
    };
    return "DO $$ BEGIN " + wait_for(masking + " = 2") + "PERFORM pg_advisory_lock(42); " +
           wait_for(met + " >= 2 OR " + masking + " = 1") + "END $$;\n";
}

TEST_CASE("databases are masked side by side, the files of one in order") {
    with_files(
        {{"10-shop.sql", "-- database: shop\nCREATE TABLE public.steps AS SELECT 1 AS n;\n" + meet()},
         {"10-thai.sql", "-- database: thai\n" + meet()},
         {"20-shop.sql", "-- database: shop\nINSERT INTO public.steps SELECT max(n) + 1 FROM public.steps;\n"},
         {"30-shop.sql", "-- database: shop\nINSERT INTO public.steps SELECT max(n) * 10 FROM public.steps;\n"}},
        [](MaskingSite& masking) {
            const auto lines = require(masking.run());
            REQUIRE(lines.size() == 4);
            CHECK(lines[0].starts_with("10-shop.sql in shop, "));
            CHECK(lines[1].starts_with("20-shop.sql in shop, "));
            CHECK(lines[3].starts_with("10-thai.sql in thai, "));
            CHECK(masking.query("shop", "SELECT string_agg(n::text, ' ' ORDER BY n) FROM public.steps") == "1 2 20");
        });
}

TEST_CASE("a template is masked by files that name it, and a warning says so of another") {
    with_files(
        {{"10.sql", "SELECT 1;\n"}, {"20.sql", "-- database: template1\nSELECT 1;\n"}}, [](MaskingSite& masking) {
            masking.query("postgres", "CREATE DATABASE pattern IS_TEMPLATE true");
            std::vector<std::string> lines;
            const std::string said = support::capture_stderr([&] { lines = require(masking.run()); });
            masking.query("postgres", "ALTER DATABASE pattern IS_TEMPLATE false");
            masking.query("postgres", "DROP DATABASE pattern");
            CHECK_THAT(said, ContainsText("a template is masked only by files that name it database=pattern"));
            CHECK(said.find("only by files that name it database=template1") == std::string::npos);
            CHECK(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
                      return line.starts_with("20.sql in template1, ") || line.find(" in pattern") != std::string::npos;
                  }) == 1);
        });
}

TEST_CASE("a file is one transaction: what it did before it failed is undone, and no other file follows") {
    const Error error = failure_of(
        {{"10.sql", "-- database: shop\nCREATE TABLE public.before_it ();\n"},
         {"20-customers.sql",
          "-- database: shop\nALTER ROLE app PASSWORD 'hunter2';\nCREATE TABLE public.undone ();\n"
          "UPDATE customers\n  SET email = 'hunter2' -- don't\n  WHERE E'hunter2\\'' <> $x$hunter2$x$\n;\nSELECT 1;\n"},
         {"30.sql", "-- database: shop\nCREATE TABLE public.after_it ();\n"}},
        [](MaskingSite& masking) {
            CHECK(masking.query("shop",
                                "SELECT to_regclass('public.before_it') IS NOT NULL, to_regclass('public.undone') "
                                "IS NULL, to_regclass('public.after_it') IS NULL") == "t|t|t");
            CHECK(masking.query("shop", "SELECT count(*) FROM pg_event_trigger WHERE evtenabled = 'D'") == "1");
        });
    CHECK(error.code == Errc::database);
    CHECK(error.message ==
          "masking failed: '20-customers.sql' line 7 in database 'shop': SQLSTATE 23505: duplicate key value violates "
          "unique constraint \"customers_email_key\"; statement: UPDATE customers SET email = '***' WHERE '***' <> "
          "'***' ;");
}

TEST_CASE("a file cannot end its transaction, by whatever words") {
    for (const char* words : {"COMMIT;", "COMMIT; BEGIN;", "COMMIT AND CHAIN;", "ROLLBACK AND CHAIN;", "END; SELECT 2;",
                              "\\set ON_ERROR_STOP off\nROLLBACK; BEGIN;", "\\connect postgres"}) {
        INFO(words);
        const Error error =
            failure_of({{"10.sql", std::string("-- database: thai\nSELECT 1;\n") + words + "\nSELECT 2;\n"}});
        CHECK(error.code == Errc::database);
        CHECK(error.message == "masking failed: '10.sql' in database 'thai' ends the transaction that it is run in");
    }
    with_files(
        {{"10.sql", "-- database: thai\nBEGIN; SAVEPOINT a; SELECT 1; ROLLBACK TO a; RESET ALL; DISCARD TEMP;\n"}},
        [](MaskingSite& masking) { CHECK(require(masking.run()).size() == 1); });
}

TEST_CASE("a file cannot go on after an error either") {
    const Error error = failure_of({{"10.sql",
                                     "-- database: thai\n\\set ON_ERROR_STOP off\n\\set ON_ERROR_ROLLBACK on\n"
                                     "SELECT 1/0;\nSELECT 2;\n"}});
    CHECK(
        error.message ==
        "masking failed: '10.sql' line 4 in database 'thai': SQLSTATE 22012: division by zero; statement: SELECT 1/0;");
}

TEST_CASE("a file cannot hide an error in other words") {
    for (const char* words : {"\\set VERBOSITY default", "\\set VERBOSITY terse", "\\set VERBOSITY sqlstate",
                              "\\set ECHO none\n\\set VERBOSITY terse", "SET lc_messages = 'C.UTF-8';"}) {
        INFO(words);
        const Error error = failure_of({{"10.sql", std::string("-- database: thai\n\\set ON_ERROR_STOP off\n"
                                                               "\\set ON_ERROR_ROLLBACK on\n") +
                                                       words + "\nUPDATE absent SET x = 'hunter2';\nSELECT 2;\n"}});
        CHECK(error.code == Errc::database);
        CHECK_THAT(error.message, ContainsText("masking failed: '10.sql' line "));
    }
    const std::string deferred =
        "-- database: thai\n\\set ON_ERROR_STOP off\n\\set VERBOSITY terse\nCREATE TABLE p (id int PRIMARY KEY);\n"
        "CREATE TABLE q (id int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO q VALUES (7);\n";
    CHECK(failure_of({{"10.sql", deferred}}).code == Errc::database);
    CHECK_THAT(failure_of({{"10.sql", "-- database: thai\n\\warn hunter2\nSELECT 2;\n"}}).message,
               ContainsText("wrote to stderr what is no notice of the server's"));
}

TEST_CASE("notices that a file asks for are no error") {
    with_files(
        {{"10.sql",
          "-- database: thai\nSET client_min_messages = debug1;\nDO $$ BEGIN RAISE WARNING 'one\ntwo'; RAISE INFO "
          "'x'; END $$;\n\\set VERBOSITY terse\nANALYZE VERBOSE pg_catalog.pg_class;\nDROP TABLE IF EXISTS "
          "absent;\n"}},
        [](MaskingSite& masking) { CHECK(require(masking.run()).size() == 1); });
}

TEST_CASE("errors of psql's own, of data and of the end of a file are clear") {
    const auto message_of = [](const std::string& text) {
        return failure_of({{"10.sql", "-- database: thai\n" + text}}).message;
    };
    CHECK(message_of("\\foo\n") ==
          "masking failed: '10.sql' line 2 in database 'thai': psql says: invalid command \\foo");
    CHECK(message_of("SELECT 1;\n\\ir missing.sql\n") ==
          "masking failed: '10.sql' line 3 in database 'thai': psql says: " +
              (MaskingSite::shared().folder() / "missing.sql").string() + ": No such file or directory");
    CHECK(message_of("CREATE TABLE c (id int PRIMARY KEY);\nCOPY c FROM stdin;\n1\nhunter2\n\\.\n") ==
          "masking failed: '10.sql' line 6 in database 'thai': SQLSTATE 22P02: invalid input syntax for type integer: "
          "\"***\"; statement: COPY c FROM stdin;");
    CHECK(message_of("CREATE TABLE p (id int PRIMARY KEY);\nCREATE TABLE q (id int REFERENCES p DEFERRABLE INITIALLY "
                     "DEFERRED);\nINSERT INTO q VALUES (7);\n") ==
          "masking failed: '10.sql' at its COMMIT in database 'thai': SQLSTATE 23503: insert or update on table \"q\" "
          "violates foreign key constraint \"q_id_fkey\"");
    CHECK_THAT(message_of("SELECT 'hunter2\nand on\n"), ContainsText("SQLSTATE 42601: unterminated quoted string"));
    CHECK_THAT(message_of("VACUUM trips;\n"), ContainsText("SQLSTATE 25001: VACUUM cannot run inside a transaction"));
}

TEST_CASE("a session that is ended is a lost connection") {
    const Error error =
        failure_of({{"10.sql", "-- database: thai\nSELECT pg_terminate_backend(pg_backend_pid());\nSELECT 2;\n"}});
    CHECK(error.code == Errc::connection);
    CHECK_THAT(error.message, ContainsText("'10.sql' line 2 in database 'thai': no connection to the server"));
}

TEST_CASE("one database's failure ends the others' SQL soon") {
    with_files({{"10-shop.sql", "-- database: shop\n" + meet() + "SELECT 1/0;\n"},
                {"10-thai.sql", "-- database: thai\nSELECT pg_sleep(0);\n" + meet() + "SELECT pg_sleep(600);\n"},
                {"20-thai.sql", "-- database: thai\nCREATE TABLE public.never ();\n"}},
               [](MaskingSite& masking) {
                   const auto done = masking.run();
                   REQUIRE_FALSE(done.has_value());
                   CHECK_THAT(done.error().message, ContainsText("'10-shop.sql' line 3 in database 'shop'"));
                   CHECK(masking.query("postgres",
                                       "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                                       "'pg-polygon masking%'") == "0");
                   CHECK(masking.query("thai", "SELECT to_regclass('public.never') IS NULL") == "t");
               });
}

TEST_CASE("a deadline ends what hangs, and says what it was") {
    with_files({{"10.sql", "-- database: thai\nSELECT pg_sleep(600);\n"}}, [](MaskingSite& masking) {
        const auto done = masking.run({}, 2s);
        REQUIRE_FALSE(done.has_value());
        CHECK(done.error().code == Errc::timeout);
        CHECK(done.error().message == "masking was not done in time: '10.sql' in database 'thai' still ran");
    });
}

TEST_CASE("a database that is not there is named before any file is run; production's name of a renamed one is taken") {
    const std::vector<std::pair<std::string, std::string>> files = {
        {"10.sql", "-- database: thai\nCREATE TABLE public.too_early ();\n"},
        {"20.sql", "-- database: shopp\nSELECT 1;\n"}};
    const Error error = failure_of(files, [](MaskingSite& masking) {
        CHECK(masking.query("thai", "SELECT to_regclass('public.too_early') IS NULL") == "t");
    });
    CHECK(error.code == Errc::configuration);
    CHECK_THAT(error.message, ContainsText("20.sql' is for database 'shopp', which is not there; there are: "));
    CHECK_THAT(error.message, ContainsText(", shop, template1, thai"));
    CHECK(error.hint == "Did you mean 'shop'?");
    with_files({{"10.sql", "-- database: shopp\nSELECT 1;\n"}, {"20.sql", "-- database: thai\nSELECT 1;\n"}},
               [](MaskingSite& masking) {
                   const auto lines = require(masking.run({{"shopp", "shop"}, {"thai", "gone"}}));
                   REQUIRE(lines.size() == 2);
                   CHECK(lines[0].starts_with("10.sql in shop, "));
                   CHECK(lines[1].starts_with("20.sql in thai, "));
               });
}

}  // namespace
}  // namespace polygon::test
