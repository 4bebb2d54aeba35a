#include "common/sanitize/masking/psql_report.h"

#include "common/sanitize/masking/psql_run.h"
#include "tests/support/catch.h"

namespace polygon::sanitize {
namespace {

// As psql 15 wrote them.
const char* const kUnique =
    "psql:/sql.d/20.sql:12: ERROR:  23505: duplicate key value violates unique constraint \"c_pkey\"\n"
    "DETAIL:  Key (email)=(alice@production) already exists.\nSCHEMA NAME:  public\n"
    "LOCATION:  _bt_check_unique, nbtinsert.c:664\n"
    "psql:/sql.d/20.sql:12: STATEMENT:  update c\n  set email = 'hunter2'\n;\n";
const char* const kEndedTransaction =
    "ERROR:  22012: division by zero\nLOCATION:  int48div, int8.c:1036\n"
    "STATEMENT:  SELECT 1 / pg_catalog.count(*) AS polygon_one_transaction FROM pg_catalog.pg_locks\n";

const SqlFile kFile{.path = "/sql.d/20.sql", .database = std::nullopt};

Error judged(int status, const char* err) {
    const Status judgement = judge_psql(kFile, "thai", status, err);
    REQUIRE_FALSE(judgement.has_value());
    return judgement.error();
}

TEST_CASE("a failed statement is told with file, line, SQLSTATE and its shape, and nothing of a row") {
    const Error error = judged(3, kUnique);
    CHECK(error.code == Errc::database);
    CHECK(error.message ==
          "masking failed: '20.sql' line 12 in database 'thai': SQLSTATE 23505: duplicate key value violates unique "
          "constraint \"c_pkey\"; statement: update c set email = '***' ;");
}

TEST_CASE("a value that PostgreSQL's own message quotes is hidden") {
    const auto value = parse_psql_error(
        "psql:f:2: ERROR:  22P02: invalid input syntax for type integer: \"alice@production\"\n"
        "psql:f:2: STATEMENT:  select email::int from c\n");
    REQUIRE(value);
    CHECK(value->message == "invalid input syntax for type integer: \"***\"");
    const auto literal = parse_psql_error(
        "psql:f:1: ERROR:  42601: syntax error at or near \"'hunter2'\"\nLINE 1: select x 'hunter2'\n"
        "psql:f:1: STATEMENT:  select x 'hunter2';\n");
    REQUIRE(literal);
    CHECK(literal->message == "syntax error at or near \"'***");
    const auto open = parse_psql_error(
        "psql:f:9: ERROR:  42601: unterminated quoted string at or near \"'hunter2;\nand more\"\n"
        "psql:f:9: STATEMENT:  select 'hunter2;\nand more\n");
    REQUIRE(open);
    CHECK(open->message.find("hunter2") == std::string::npos);
    CHECK(open->statement == "select '***'");
    const auto tagged =
        parse_psql_error("psql:f:9: ERROR:  42601: unterminated dollar-quoted string at or near \"$a$hunter2\"\n");
    REQUIRE(tagged);
    CHECK(tagged->message.find("hunter2") == std::string::npos);
    const auto raised =
        parse_psql_error("psql:f:1: ERROR:  P0001: refused\nDETAIL:  hunter2\npsql:f:1: STATEMENT:  x\n");
    REQUIRE(raised);
    CHECK(raised->message == "refused");
}

TEST_CASE("a file's name may hold what separates it from the line, and an included file is named") {
    const auto odd =
        parse_psql_error("psql:/a:1: ERROR: b.sql:7: ERROR:  42601: x\npsql:/a:1: ERROR: b.sql:7: STATEMENT:  y\n");
    REQUIRE(odd);
    CHECK(odd->file == "/a:1: ERROR: b.sql");
    CHECK(odd->line == 7);
    CHECK(odd->statement == "y");
    const Error included = judged(3,
                                  "psql:/sql.d/part.sql:2: ERROR:  22012: division by zero\n"
                                  "psql:/sql.d/part.sql:2: STATEMENT:  select 1/0;\n");
    CHECK(included.message ==
          "masking failed: '/sql.d/part.sql' line 2, included by '20.sql', in database 'thai': SQLSTATE 22012: "
          "division by zero; statement: select 1/0;");
}

TEST_CASE("psql's own errors are told as its own") {
    CHECK(judged(3, "psql:/sql.d/20.sql:1: error: invalid command \\foo\n").message ==
          "masking failed: '20.sql' line 1 in database 'thai': psql says: invalid command \\foo");
    CHECK(judged(3, "psql:/sql.d/20.sql:4: error: missing.sql: No such file or directory\n").message ==
          "masking failed: '20.sql' line 4 in database 'thai': psql says: missing.sql: No such file or directory");
}

TEST_CASE("a lost connection is told as one") {
    const Error lost = judged(2,
                              "psql:/sql.d/20.sql:1: server closed the connection unexpectedly\n\tThis probably means\n"
                              "psql:/sql.d/20.sql:1: error: connection to server was lost\n");
    CHECK(lost.code == Errc::connection);
    CHECK_THAT(lost.message, ContainsText("psql says: connection to server was lost"));
    CHECK(judged(2, "psql: error: connection to server on socket \"/x\" failed: FATAL:  no\n").code ==
          Errc::connection);
}

TEST_CASE("an error at the end of the file is that of its COMMIT") {
    CHECK(judged(3,
                 "ERROR:  23503: insert or update on table \"q\" violates foreign key constraint \"q_id_fkey\"\n"
                 "DETAIL:  Key (id)=(1) is not present in table \"p\".\n")
              .message ==
          "masking failed: '20.sql' at its COMMIT in database 'thai': SQLSTATE 23503: insert or update on table \"q\" "
          "violates foreign key constraint \"q_id_fkey\"");
}

TEST_CASE("a file that ended its transaction has failed") {
    const Error error = judged(1, kEndedTransaction);
    CHECK(error.code == Errc::database);
    CHECK(error.message == "masking failed: '20.sql' in database 'thai' ends the transaction that it is run in");
}

TEST_CASE("an error counts in whatever words a file has psql tell it") {
    CHECK(judged(0, "psql:/sql.d/20.sql:3: ERROR:  invalid input syntax for type integer: \"hunter2\"\n").message ==
          "masking failed: '20.sql' line 3 in database 'thai': psql says: invalid input syntax for type integer: "
          "\"***\"");
    CHECK(judged(0, "psql:/sql.d/20.sql:3: ERROR:  42P01\n").message ==
          "masking failed: '20.sql' line 3 in database 'thai': SQLSTATE 42P01: ");
    CHECK(judged(0, "ERROR:  insert or update on table \"q\" violates a constraint\n").code == Errc::database);
    for (const std::string_view unknown :
         {"psql:/sql.d/20.sql:3: FEHLER:  42P01: Relation \xc2\xbbhunter2\xc2\xab existiert nicht\n",
          "FEHLER:  hunter2\n", "hunter2", "WARNING:  well\nFEHLER:  hunter2\n",
          "psql:/sql.d/20.sql:3: NOTICE:  00000: well\nLOCATION:  a, b.c:1\nFEHLER:  hunter2\n",
          "psql:/sql.d/20.sql:3: NOTICE:  00000: well\nFEHLER:  hunter2\n"}) {
        INFO(unknown);
        const Error error = judged(0, unknown.data());
        CHECK(error.message ==
              "masking failed: psql ended with status 0 on '20.sql' in database 'thai' and wrote to stderr what is no "
              "notice of the server's");
        CHECK_FALSE(error.hint.empty());
    }
    CHECK(judged(0, "psql:/sql.d/20.sql:3: warning: \\i: extra argument \"b.sql\" ignored\n").message ==
          "masking failed: '20.sql' line 3 in database 'thai': psql says: \\i: extra argument \"b.sql\" ignored");
}

TEST_CASE("the server's notices are no error, of several lines too") {
    for (const char* notes :
         {" \n\n", "psql:/sql.d/20.sql:1: WARNING:  well\n", "psql:f:1: NOTICE:  00000: a\nb\nLOCATION:  a, b.c:1\n",
          "psql:f:1: INFO:  00000: a\nDETAIL:  b\nCONTEXT:  c\n\td\nLOCATION:  a, b.c:1\npsql:f:2: LOG:  x\n"}) {
        INFO(notes);
        CHECK(judge_psql(kFile, "thai", 0, notes).has_value());
    }
    // Under VERBOSITY=terse nothing marks a note's end; PostgreSQL 18's ANALYZE VERBOSE tells it in several lines.
    const std::string terse =
        "psql:/sql.d/20.sql:3: INFO:  finished analyzing table \"t\"\navg read rate: 0.000 MB/s\n";
    CHECK(judge_psql(kFile, "thai", 0, terse + "psql:/sql.d/20.sql:4: NOTICE:  table \"x\" does not exist\n")
              .has_value());
    CHECK_FALSE(judge_psql(kFile, "thai", 0, terse + "psql:/sql.d/20.sql:4: FEHLER:  Relation fehlt\n").has_value());
}

TEST_CASE("an error counts whatever psql's status, and a status without a word does too") {
    CHECK(judge_psql(kFile, "thai", 0, "").has_value());
    CHECK(
        judge_psql(kFile, "thai", 0, "psql:/sql.d/20.sql:1: WARNING:  01000: well\nLOCATION:  a, b.c:1\n").has_value());
    CHECK(judged(0, kUnique).code == Errc::database);
    CHECK_THAT(judged(137, "").message, ContainsText("psql ended with status 137 on '20.sql' in database 'thai'"));
}

}  // namespace
}  // namespace polygon::sanitize
