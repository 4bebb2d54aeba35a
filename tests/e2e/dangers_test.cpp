#include <chrono>
#include <fstream>

#include "common/fs/file.h"
#include "common/process/child.h"
#include "tests/e2e/stand_fixture.h"
#include "tests/support/danger_proofs.h"
#include "tests/support/scratch.h"
#include "tests/support/secrets.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;
using support::Secrets;

// What the servers keep of the passwords is as secret as they are.
void add_verifiers(support::Cluster& cluster, Secrets& secrets) {
    support::Database database = require(cluster.connect_to_leader());
    for (const support::Row& row : require(database.rows("SELECT rolpassword FROM pg_authid WHERE rolpassword <> ''")))
        secrets.push_back(row.front());
}

// Each on a line of its own, so that a failure shows them.
template <class Lines>
std::string joined(const Lines& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

TEST_CASE("the watches find a secret in arguments and in logs") {
    const support::Scratch scratch;
    std::ofstream(scratch.path() / "old.log") << "an old secret-word\n";
    const support::LogSizes before = support::measure_logs(scratch.path());
    support::ArgumentWatch arguments({"secret-word"});
    const std::filesystem::path file = scratch.path() / "secret-word";
    std::ofstream(file) << "";
    const process::Child child = require(process::Child::start({.argv = {"tail", "-f", file.string()}}));
    require(support::wait_for("find", 60s, [&]() -> Status {
        if (!arguments.found().empty()) return {};
        return Error{Errc::not_proven, "nothing found"};
    }));
    REQUIRE_THAT(joined(arguments.found()), ContainsText("tail -f " + file.string()));

    REQUIRE(support::find_in_logs(scratch.path(), {"secret-word"}, before).empty());
    std::ofstream(scratch.path() / "old.log", std::ios::app) << "a new secret-word\n";
    REQUIRE(joined(support::find_in_logs(scratch.path(), {"other", "secret-word"}, before)) ==
            (scratch.path() / "old.log").string() + ": a new secret-word\n");
}

TEST_CASE("a clone of a dangerous production reaches nobody, and no secret leaves the programs") {
    const StandGuard guard;
    support::Stand& both = stand();
    Secrets secrets = both.passwords();
    add_verifiers(both.production(), secrets);
    const std::filesystem::path directory = both.workspace().path();
    const support::LogSizes before = support::measure_logs(directory);
    const support::ArgumentWatch arguments(secrets);
    require(both.rebuild({}));
    // During the rebuild as well as now: they count from the backup on.
    require(support::prove_partner_not_reached(both));
    require(support::prove_foreign_server_not_reached(both));
    require_all_proofs();
    // In dead rows and WAL neither, on the leader and on those that have copied it.
    for (const support::PatroniNode& node : both.polygon().nodes())
        CHECK(joined(support::find_in_data_directory(node.data_directory(), secrets)) == "");

    add_verifiers(both.polygon(), secrets);
    REQUIRE(arguments.samples() > 50);
    CHECK(joined(arguments.found()) == "");
    // log_statement is all there, so each session of the programs is in them.
    REQUIRE(joined(support::find_in_logs(directory, {"statement: "}, before)) != "");
    CHECK(joined(support::find_in_logs(directory, secrets, before)) == "");
    CHECK_FALSE(support::has_secret(both.reset_output(), secrets));
    for (const support::PatroniNode& node : both.polygon().nodes()) {
        const std::string marker = require(fs::read_file(node.data_directory() / "polygon.json"));
        CHECK_FALSE(support::has_secret(marker, secrets));
    }
}

TEST_CASE("what a clone still has of production's foreign servers leads nowhere") {
    const StandGuard guard;
    support::Stand& both = rebuilt_stand();
    support::Database database = require(both.polygon().connect_to_leader("thai"));
    const auto answer = database.value("SELECT count(*) FROM far_reports");
    REQUIRE_FALSE(answer.has_value());
    REQUIRE_THAT(answer.error().message, ContainsText("user mapping not found"));
    require(support::prove_foreign_server_not_reached(both));
}

TEST_CASE("the polygon's pg_cron runs the polygon's jobs and none of production's") {
    const StandGuard guard;
    support::Stand& both = rebuilt_stand();
    const std::filesystem::path runs = require(both.workspace().make_directory("jobs")) / "polygon-runs";
    support::Database database = require(both.polygon().connect_to_leader("thai"));
    require(database.value("SELECT cron.schedule('polygon''s', '* * * * *', $1)",
                           {"COPY (SELECT clock_timestamp()) TO PROGRAM 'cat >>\"" + runs.string() + "\"'"}));
    require(support::wait_for("first run of the polygon's own job", 120s, [&]() -> Status {
        std::ifstream file(runs);
        std::string line;
        return std::getline(file, line) ? Status() : Status(Error{Errc::not_proven, "not yet"});
    }));
    // All jobs are due at the full minute; production's would have been started with the polygon's.
    require(support::wait_for("some seconds of that minute", 60s, [&]() -> Status {
        const std::string passed =
            TRY(database.value("SELECT extract(second FROM clock_timestamp()) BETWEEN 10 AND 50"));
        return passed == "t" ? Status() : Status(Error{Errc::not_proven, "too early"});
    }));
    // It does run where it belongs.
    REQUIRE(both.dangers().count_runs("production") > 0);
    require(support::prove_no_job_ran(both));
}

}  // namespace
}  // namespace polygon::e2e
