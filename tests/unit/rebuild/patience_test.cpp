#include "bootstrap/rebuild/coordinator/patience.h"

#include "tests/support/catch.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/rebuild/views.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;
using etcd::AnswerState;
using etcd::Phase;

TEST_CASE("what an agent writes anew without news is no progress") {
    View view = view_in(Phase::stage);
    const std::string before = fingerprint(view);
    view.nodes.at("polygon1").updated_at = "2026-11-20T04:00:00Z";
    view.nodes.at("polygon1").used_bytes = 77;
    view.cluster.members[0].xlog_location = 4711;
    CHECK(fingerprint(view) == before);
}

TEST_CASE("bytes, answers, members, leaders and phases are progress") {
    const View view = view_in(Phase::stage);
    const auto is_progress = [&](auto&& change) {
        View changed = view;
        change(changed);
        return fingerprint(changed) != fingerprint(view);
    };
    CHECK(is_progress([](View& v) { answer(v, "polygon1", AnswerState::working); }));
    CHECK(is_progress([](View& v) { v.phase.phase = Phase::stop; }));
    CHECK(is_progress([](View& v) { v.phase.attempt = 2; }));
    CHECK(is_progress([](View& v) { v.cluster.leader.reset(); }));
    CHECK(is_progress([](View& v) { v.cluster.members.pop_back(); }));
    CHECK(is_progress([](View& v) { v.cluster.members[0].state = "stopped"; }));
    CHECK(is_progress([](View& v) { v.nodes.erase("polygon3"); }));
    CHECK(is_progress([](View& v) { v.proven = kGeneration; }));
    View working = view;
    answer(working, "polygon1", AnswerState::working);
    const std::string before = fingerprint(working);
    working.nodes.at("polygon1").answer->bytes_done = 1;
    CHECK(fingerprint(working) != before);
}

TEST_CASE("a clone that Patroni makes is seen by what fills the disk, until it runs") {
    View view = view_in(Phase::replicas);
    const std::string running = fingerprint(view);
    view.nodes.at("polygon3").used_bytes = 1000;
    CHECK(fingerprint(view) == running);
    view.cluster.members[2].state = "creating replica";
    const std::string cloning = fingerprint(view);
    view.nodes.at("polygon3").used_bytes = 2000;
    CHECK(fingerprint(view) != cloning);
}

TEST_CASE("a replica that catches up is progress; what testers write on the leader, or replay, is none") {
    View view = view_in(Phase::replicas);
    prove_all(view);
    const std::string following = fingerprint(view);
    proof_of(view, "polygon1").current_lsn += 4096;
    proof_of(view, "polygon3").received_lsn += 4096;
    CHECK(fingerprint(view) == following);
    proof_of(view, "polygon1").cloned_bytes = 1;
    CHECK(fingerprint(view) != following);
    proof_of(view, "polygon3").receiver.clear();
    proof_of(view, "polygon3").received_lsn = 10;
    const std::string catching_up = fingerprint(view);
    proof_of(view, "polygon3").received_lsn = 20;
    CHECK(fingerprint(view) != catching_up);
}

TEST_CASE("a base backup that waits for the leader's checkpoint is waited for, as long as the leader still says so") {
    support::FakeClock clock;
    Patience patience(clock, 300s);
    View view = view_in(Phase::replicas);
    prove_all(view);
    etcd::NodeProof& leader = proof_of(view, "polygon1");
    leader.waiting_backups = 1;
    for (int minute = 0; minute < 60; ++minute) {
        leader.taken_at = "look " + std::to_string(minute);
        CHECK(patience.observe(view) == Progress::moving);
        clock.advance(60s);
    }
    SECTION("a leader that says nothing new counts as nothing") {
        clock.advance(240s);
        CHECK(patience.observe(view) == Progress::stalled);
    }
    SECTION("when the checkpoint is over bytes count again") {
        leader.waiting_backups = 0;
        leader.taken_at = "later";
        CHECK(patience.observe(view) == Progress::moving);
        clock.advance(300s);
        leader.taken_at = "still later";
        CHECK(patience.observe(view) == Progress::stalled);
    }
}

TEST_CASE("patience ends when nothing has moved for its limit, and begins anew with every change") {
    support::FakeClock clock;
    Patience patience(clock, 300s);
    View view = view_in(Phase::stage);
    CHECK(patience.observe(view) == Progress::moving);
    clock.advance(299s);
    CHECK(patience.observe(view) == Progress::moving);
    answer(view, "polygon1", AnswerState::working);
    clock.advance(2s);
    CHECK(patience.observe(view) == Progress::moving);
    clock.advance(300s);
    CHECK(patience.observe(view) == Progress::stalled);
    patience.restart();
    CHECK(patience.observe(view) == Progress::moving);
}

TEST_CASE("agents that work on the clone are waited for however long they say nothing new") {
    support::FakeClock clock;
    for (const Phase phase : {Phase::stage, Phase::copy}) {
        Patience patience(clock, 300s);
        View view = view_in(phase);
        answer_all(view, AnswerState::done);
        answer(view, "polygon1", AnswerState::working);
        answer(view, "polygon3", AnswerState::failed, "connection refused");
        patience.observe(view);
        clock.advance(3600s);
        CHECK(patience.observe(view) == Progress::moving);
        answer(view, "polygon1", AnswerState::done);
        patience.observe(view);
        clock.advance(300s);
        CHECK(patience.observe(view) == Progress::stalled);
    }
}

TEST_CASE("a member without an agent, or one that does not answer, ends the patience while others work") {
    support::FakeClock clock;
    View silent = view_in(Phase::stage);
    answer(silent, "polygon1", AnswerState::working);
    answer(silent, "polygon2", AnswerState::done);
    View gone = silent;
    gone.nodes.erase("polygon3");
    View stopping = view_in(Phase::stop);
    answer_all(stopping, AnswerState::working);
    for (const View& view : {silent, gone, stopping}) {
        Patience patience(clock, 300s);
        patience.observe(view);
        clock.advance(300s);
        CHECK(patience.observe(view) == Progress::stalled);
    }
}

TEST_CASE("a server that was told to stop is waited for until it has, however long its checkpoint takes") {
    support::FakeClock clock;
    for (const Phase phase : {Phase::stop, Phase::clear, Phase::undo, Phase::restore}) {
        Patience patience(clock, 300s);
        View view = view_in(phase);
        answer_all(view, AnswerState::working);
        view.nodes.at("polygon2").shuts_down = true;
        patience.observe(view);
        clock.advance(3600s);
        CHECK(patience.observe(view) == Progress::moving);
        view.nodes.at("polygon2").shuts_down = false;
        clock.advance(299s);
        CHECK(patience.observe(view) == Progress::moving);
        clock.advance(1s);
        CHECK(patience.observe(view) == Progress::stalled);
    }
}

TEST_CASE("in place a custom bootstrap that runs is progress; staged it has nothing to do for so long") {
    support::FakeClock clock;
    for (const etcd::Mode mode : {etcd::Mode::in_place, etcd::Mode::staged}) {
        Patience patience(clock, 300s);
        View view = view_in(Phase::bootstrap, mode);
        view.cluster.members[0].state = "running custom bootstrap script";
        patience.observe(view);
        clock.advance(3600s);
        CHECK(patience.observe(view) == (mode == etcd::Mode::in_place ? Progress::moving : Progress::stalled));
        view.cluster.members[0].state = "custom bootstrap failed";
        patience.observe(view);
        clock.advance(300s);
        CHECK(patience.observe(view) == Progress::stalled);
    }
}

}  // namespace
}  // namespace polygon::rebuild
