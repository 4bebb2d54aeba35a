#include "bootstrap/rebuild/coordinator/picture.h"

#include "bootstrap/rebuild/coordinator/status_text.h"
#include "tests/support/catch.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/rebuild/views.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;
using etcd::AnswerState;
using etcd::Phase;

constexpr std::uint64_t kMiB = 1024 * 1024;

View restoring() {
    View view = view_in(Phase::stage);
    answer(view, "polygon1", AnswerState::working);
    view.nodes.at("polygon1").answer->activity = "restoring";
    view.nodes.at("polygon1").answer->bytes_done = 400 * kMiB;
    view.nodes.at("polygon1").answer->bytes_total = 1000 * kMiB;
    answer(view, "polygon2", AnswerState::done);
    view.nodes.erase("polygon3");
    return view;
}

TEST_CASE("each member has a line, with what it does and how far it is") {
    const std::vector<std::string> lines = render(make_frame(restoring(), 62s, "polygon1, polygon3"), Paces(), 100);
    CHECK(lines ==
          std::vector<std::string>{
              "rebuild 20261120T030000Z-7f3a  stage  1:02",
              "  polygon1  new leader  restoring  40 % [###############                        ] 400 MiB of 1.0 GiB",
              "  polygon2  leader      done, Patroni runs", "  polygon3  replica     no agent",
              "  waiting for polygon1, polygon3"});
}

TEST_CASE("the rate is each member's own, and begins anew with another activity") {
    support::FakeClock clock;
    Paces paces;
    View view = restoring();
    paces.observe(clock.now(), make_rows(view));
    clock.advance(4s);
    view.nodes.at("polygon1").answer->bytes_done = 800 * kMiB;
    paces.observe(clock.now(), make_rows(view));
    CHECK(paces.of("polygon1").bytes_per_second() == 100 * kMiB);
    CHECK(paces.of("polygon2").bytes_per_second() == 0);
    CHECK_THAT(render(make_frame(view, 66s, ""), paces, 100)[1], ContainsText("100 MiB/s  0:02 left"));
    view.nodes.at("polygon1").answer->activity = "quarantine";
    paces.observe(clock.now(), make_rows(view));
    CHECK(paces.of("polygon1").bytes_per_second() == 0);
}

TEST_CASE("no line is wider than the terminal, whatever it says") {
    View view = restoring();
    answer(view, "polygon2", AnswerState::failed, std::string(300, 'x') + "ü\n\x1b[2J");
    view.phase.error = std::string(300, 'y');
    for (const std::size_t width : {10, 40, 79}) {
        for (const std::string& line : render(make_frame(view, 1s, "polygon1"), Paces(), width)) {
            CHECK(line.size() <= width + 1);  // a letter of two bytes
            CHECK(line.find('\x1b') == std::string::npos);
        }
    }
}

TEST_CASE("a log has a line for each change and for each tenth") {
    Changes changes;
    View view = restoring();
    CHECK(changes.observe(view, make_rows(view)) ==
          std::vector<std::string>{"phase stage", "polygon1 (new leader): restoring 40 %",
                                   "polygon2 (leader): done, Patroni runs", "polygon3 (replica): no agent"});
    CHECK(changes.observe(view, make_rows(view)).empty());
    view.nodes.at("polygon1").answer->bytes_done = 499 * kMiB;
    CHECK(changes.observe(view, make_rows(view)).empty());
    view.nodes.at("polygon1").answer->bytes_done = 500 * kMiB;
    CHECK(changes.observe(view, make_rows(view)) == std::vector<std::string>{"polygon1 (new leader): restoring 50 %"});
    view.phase.error = "going wrong";
    CHECK(changes.observe(view, make_rows(view)) == std::vector<std::string>{"phase stage (going wrong)"});
}

TEST_CASE("a log has no line for a node that has not answered the phase yet, nor for a new role alone") {
    Changes changes;
    View view = restoring();
    changes.observe(view, make_rows(view));
    view.phase.phase = Phase::stop;
    CHECK(changes.observe(view, make_rows(view)) ==
          std::vector<std::string>{"phase stop", "polygon3 (replica): no agent"});
    answer(view, "polygon1", AnswerState::working);
    CHECK(changes.observe(view, make_rows(view)) == std::vector<std::string>{"polygon1 (new leader): working"});
    view.cluster.leader = "polygon1";
    CHECK(changes.observe(view, make_rows(view)).empty());
}

TEST_CASE("a log has no line for an agent that repeats the plan before its helper begins") {
    Changes changes;
    View view = restoring();
    view.nodes.at("polygon1").answer->activity = "generation " + kGeneration + " is to be led by polygon1";
    view.nodes.at("polygon1").answer->bytes_done = 0;
    CHECK(changes.observe(view, make_rows(view)) == std::vector<std::string>{"phase stage",
                                                                             "polygon2 (leader): done, Patroni runs",
                                                                             "polygon3 (replica): no agent"});
    view.nodes.at("polygon1").answer->activity = "quarantine";
    CHECK(changes.observe(view, make_rows(view)) == std::vector<std::string>{"polygon1 (new leader): quarantine"});
}

TEST_CASE("what is cut is cut between characters") {
    CHECK(cut("fünf", 2) == "fü");
    CHECK(cut("fünf", 4) == "fünf");
    StatusReport report{.scope = "püülygon", .seen = {}, .holder = {}, .last = {}};
    CHECK(to_lines(report, 15).front() == "scope        pü");
}

TEST_CASE("answers to another phase are not shown as done") {
    View view = restoring();
    view.phase.phase = Phase::stop;
    CHECK(make_rows(view)[0].activity == "Patroni runs");
    CHECK(make_rows(view)[0].figures.bytes_done == 0);
}

TEST_CASE("status says what the polygon carries, and what each node has decided") {
    StatusReport report{.scope = "polygon", .seen = {}, .holder = {}, .last = {}};
    report.seen.nodes["polygon1"].value = etcd::NodeRecord{.name = "polygon1", .decision = "start: it is proven"};
    report.seen.cluster.keys.leader = "polygon1";
    report.seen.generation.value = etcd::Generation{.generation = "g1",
                                                    .proven_at = "2026-11-20T03:00:00Z",
                                                    .backup_label = "monday",
                                                    .backup_time = "2026-11-20 02:00:00 GMT",
                                                    .verified_at = "2026-11-20T03:01:00Z"};
    report.last = etcd::HistoryRecord{.generation = "g1", .outcome = "done", .ended_at = "2026-11-20T03:01:00Z"};
    CHECK(to_lines(report, 0) ==
          std::vector<std::string>{
              "scope        polygon",
              "generation   g1, from backup 'monday' of 2026-11-20 02:00:00 GMT, proven 2026-11-20T03:00:00Z, verified "
              "2026-11-20T03:01:00Z",
              "rebuild      none under way", "last         g1: done 2026-11-20T03:01:00Z",
              "  polygon1  leader      start: it is proven"});
}

TEST_CASE("status says that nobody coordinates a rebuild that is under way") {
    StatusReport report{.scope = "polygon", .seen = {}, .holder = {}, .last = {}};
    const View view = view_in(Phase::undo);
    report.seen.plan.value = view.plan;
    report.seen.phase.value = view.phase;
    report.seen.phase.value->error = "why";
    const auto lines = to_lines(report, 0);
    CHECK(lines[2] == "rebuild      20261120T030000Z-7f3a, phase undo since 2026-11-20T03:00:00Z (why)");
    CHECK_THAT(lines[3], ContainsText("none: polygon-rebuild resume goes on"));
    report.holder = "polygon-rebuild run on h";
    CHECK(to_lines(report, 0)[3] == "coordinator  polygon-rebuild run on h");
}

TEST_CASE("history is a table with the outage of those that went well") {
    const std::string text = to_table(std::vector<etcd::HistoryRecord>{
        {.generation = "g1", .outcome = "rolled back", .mode = "staged", .ended_at = "e", .error = "why"},
        {.generation = "g2",
         .outcome = "done",
         .mode = "staged",
         .backup_label = "b",
         .ended_at = "e",
         .seconds = {{"stop", 2.5}}}});
    CHECK_THAT(text,
               ContainsText("g1                     rolled back  staged    e                                 (why)"));
    CHECK_THAT(text, ContainsText("2.5 s     b\n"));
    const std::string hostile = to_table(std::vector<etcd::HistoryRecord>{
        {.generation = "g\x1b[2J", .outcome = "done\ng9", .mode = "\x1b]0;x", .ended_at = "\r"}});
    CHECK(hostile.find('\x1b') == std::string::npos);
    CHECK(hostile.find('\r') == std::string::npos);
    CHECK_THAT(hostile, ContainsText("g\\x1b[2J"));
    CHECK_THAT(hostile, ContainsText("done\\x0ag9"));
}

}  // namespace
}  // namespace polygon::rebuild
