#include "bootstrap/rebuild/coordinator/records.h"

#include "common/base/clock.h"
#include "tests/support/catch.h"
#include "tests/unit/rebuild/views.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;
using etcd::AnswerState;
using etcd::Phase;

const WallTime kNow = *parse_utc("2026-11-20T03:10:00Z");

TEST_CASE("a phase that ends leaves its seconds, added up over its attempts") {
    etcd::PhaseRecord phase = first_phase(kGeneration, kNow);
    CHECK(phase.since == "2026-11-20T03:10:00Z");
    phase = next_phase(phase, Phase::stop, "", 90.5s, kNow + 91s);
    CHECK(phase.phase == Phase::stop);
    CHECK(phase.since == "2026-11-20T03:11:31Z");
    CHECK(phase.seconds == std::map<std::string, double>{{"stage", 90.5}});
    phase.phase = Phase::stage;
    CHECK(next_phase(phase, Phase::stop, "", 1s, kNow).seconds.at("stage") == 91.5);
}

TEST_CASE("why it goes back stays until the end, and what it is stuck on until it is resumed") {
    etcd::PhaseRecord phase = first_phase(kGeneration, kNow);
    phase = next_phase(phase, Phase::undo, "phase replicas failed", 1s, kNow);
    const etcd::PhaseRecord stuck = stuck_phase(stuck_phase(phase, "no agent"), "still none");
    CHECK(stuck.error == "phase replicas failed; stuck: still none");
    CHECK(next_phase(stuck, Phase::restore, "", 1s, kNow).error == "phase replicas failed");
    View view = view_in(Phase::undo);
    view.phase.error = stuck.error;
    CHECK(resumed_phase(view).error == "phase replicas failed");
    CHECK(resumed_phase(view).attempt == 1);
}

TEST_CASE("resumed, agents that have failed get another attempt; a replica's failed copy is no reason") {
    View view = view_in(Phase::bootstrap, etcd::Mode::in_place);
    answer(view, "polygon1", AnswerState::failed, "no space");
    CHECK(resumed_phase(view).attempt == 2);
    View copy = view_in(Phase::copy);
    answer(copy, "polygon3", AnswerState::failed, "no route");
    CHECK(resumed_phase(copy).attempt == 1);
    answer(copy, "polygon1", AnswerState::failed, "no port");
    CHECK(resumed_phase(copy).attempt == 2);
}

TEST_CASE("history tells what was done from what was rolled back or aborted") {
    View view = view_in(Phase::verify);
    etcd::PhaseRecord last = next_phase(view.phase, Phase::done, "", 3s, kNow);
    const etcd::HistoryRecord done = make_history(view, last, kNow);
    CHECK(done.outcome == "done");
    CHECK(done.mode == "staged");
    CHECK(done.backup_label == "monday");
    CHECK(done.started_at == "2026-11-20T03:00:00Z");
    CHECK(done.ended_at == "2026-11-20T03:10:00Z");
    CHECK(done.bytes == 1000);
    CHECK(done.seconds.at("verify") == 3);
    last.phase = Phase::rolled_back;
    last.error = "phase stage failed on polygon1: no space";
    CHECK(make_history(view, last, kNow).outcome == "rolled back");
    last.error = "aborted on request";
    CHECK(make_history(view, last, kNow).outcome == "aborted");
}

TEST_CASE("the outage to expect is that of the last rebuild that went well") {
    CHECK_FALSE(last_outage({}).has_value());
    const etcd::HistoryRecord first{.outcome = "done", .seconds = {{"stage", 900}, {"stop", 1}, {"bootstrap", 2}}};
    const etcd::HistoryRecord second{.outcome = "done", .seconds = {{"stop", 2}, {"clear", 0.5}, {"bootstrap", 4}}};
    const etcd::HistoryRecord failed{.outcome = "rolled back", .seconds = {{"stop", 99}}};
    CHECK(describe_seconds(second.seconds) == "stop 2.0 s, clear 0.5 s, bootstrap 4.0 s");
    CHECK(last_outage({first, second, failed}) == 6.5);
    CHECK(last_outage({first, failed}) == 3);
    CHECK_FALSE(last_outage({failed}).has_value());
}

TEST_CASE("times are read as they are written, and as backups have them") {
    CHECK(parse_utc(format_utc(kNow)) == kNow);
    CHECK(parse_utc("2026-11-20 03:10:00 GMT") == kNow);
    CHECK_FALSE(parse_utc("").has_value());
    CHECK_FALSE(parse_utc("2026-11-20").has_value());
    CHECK_FALSE(parse_utc("2026-11-20T03:10:00Z ").has_value());
}

}  // namespace
}  // namespace polygon::rebuild
