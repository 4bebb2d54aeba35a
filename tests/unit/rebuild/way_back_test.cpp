#include "bootstrap/rebuild/coordinator/next_move.h"
#include "tests/support/catch.h"
#include "tests/unit/rebuild/views.h"

namespace polygon::rebuild {
namespace {

using etcd::AnswerState;
using etcd::Mode;
using etcd::Phase;
using Kind = Move::Kind;

constexpr Phase kBeforeClear[] = {Phase::stage, Phase::copy, Phase::stop, Phase::clear};
constexpr Phase kAfterClear[] = {Phase::bootstrap, Phase::replicas, Phase::verify};

TEST_CASE("before the keys are cleared a failure leads straight to the old polygon") {
    for (const Mode mode : {Mode::staged, Mode::in_place}) {
        for (const Phase phase : kBeforeClear) {
            View view = view_in(phase, mode);
            answer(view, "polygon1", AnswerState::failed, "no space");
            INFO(etcd::to_text(phase));
            CHECK(next_move(view) ==
                  Move{.kind = Kind::go_back,
                       .phase = Phase::restore,
                       .reason = "phase " + std::string(etcd::to_text(phase)) + " failed on polygon1: no space"});
        }
    }
}

TEST_CASE("afterwards it leads to putting the keys back; in place to a person") {
    for (const Phase phase : kAfterClear) {
        INFO(etcd::to_text(phase));
        View view = view_in(phase);
        answer(view, "polygon3", AnswerState::failed, "it ended");
        CHECK(next_move(view).kind == Kind::go_back);
        CHECK(next_move(view).phase == Phase::undo);
        view.plan.mode = Mode::in_place;
        CHECK(next_move(view).kind == Kind::stuck);
        CHECK_THAT(next_move(view).reason, ContainsText("polygon3: it ended"));
    }
}

TEST_CASE("the keys are put back when every member has stopped and no leader key is there") {
    View view = view_in(Phase::undo);
    answer_all(view, AnswerState::done);
    CHECK(next_move(view).reason == "the leader key of polygon1 to go");
    stop_all(view);
    CHECK(next_move(view) == Move{.kind = Kind::put_back, .phase = Phase::restore, .reason = {}});
    view.cluster.initialize.reset();  // the new one never got that far
    CHECK(next_move(view).kind == Kind::put_back);
    answer(view, "polygon2", AnswerState::working);
    CHECK(next_move(view).kind == Kind::wait);
}

TEST_CASE("it is rolled back when all run again under the old identifier") {
    View view = view_in(Phase::restore);
    answer_all(view, AnswerState::done);
    CHECK(next_move(view) == Move{.kind = Kind::finish, .phase = Phase::rolled_back, .reason = {}});
    View leaderless = view;
    leaderless.cluster.leader.reset();
    CHECK(next_move(leaderless).reason == "a leader");
    View foreign = view;
    foreign.cluster.initialize = kNewSystem;
    CHECK(next_move(foreign).kind == Kind::wait);
    View stopped = view;
    stopped.cluster.members[2].state = "stopped";
    CHECK(next_move(stopped).reason == "polygon3 to run");
    stopped.cluster.members.pop_back();
    CHECK(next_move(stopped).reason == "polygon3 to run");
}

TEST_CASE("a failure on the way back needs a person, whatever was ordered") {
    for (const Phase phase : {Phase::undo, Phase::restore}) {
        for (const Order order : {Order::none, Order::abort, Order::rollback}) {
            View view = view_in(phase);
            view.order = order;
            answer(view, "polygon2", AnswerState::failed, "it cannot be renamed");
            CHECK(next_move(view).kind == Kind::stuck);
        }
    }
}

TEST_CASE("an abort is obeyed only before the polygon is stopped") {
    for (const Phase phase : {Phase::stage, Phase::copy}) {
        View view = view_in(phase);
        view.order = Order::abort;
        CHECK(next_move(view) == Move{.kind = Kind::go_back, .phase = Phase::restore, .reason = kAborted});
    }
    for (const Phase phase : {Phase::stop, Phase::clear, Phase::bootstrap, Phase::replicas}) {
        View view = view_in(phase);
        view.order = Order::abort;
        CHECK(next_move(view).kind == Kind::wait);
    }
}

TEST_CASE("a rollback is obeyed wherever there is a way back") {
    for (const Phase phase : kBeforeClear) {
        View view = view_in(phase);
        view.order = Order::rollback;
        CHECK(next_move(view) == Move{.kind = Kind::go_back, .phase = Phase::restore, .reason = kRolledBackOnRequest});
    }
    for (const Phase phase : kAfterClear) {
        View view = view_in(phase);
        view.order = Order::rollback;
        CHECK(next_move(view).phase == Phase::undo);
        view.plan.mode = Mode::in_place;
        CHECK(next_move(view).kind != Kind::go_back);
    }
}

TEST_CASE("after the end there is a way back while every node keeps its old data for this generation") {
    View view = view_in(Phase::done);
    view.order = Order::rollback;
    CHECK(next_move(view).kind == Kind::end);
    for (auto& [name, node] : view.nodes)
        node.previous_for = kGeneration;
    CHECK(next_move(view) == Move{.kind = Kind::go_back, .phase = Phase::undo, .reason = kRolledBackOnRequest});
    View other = view;
    other.nodes.at("polygon3").previous_for = "before";
    CHECK(next_move(other).kind == Kind::end);
    View gone = view;
    gone.nodes.erase("polygon3");
    CHECK(next_move(gone).kind == Kind::end);
    View in_place = view;
    in_place.plan.mode = Mode::in_place;
    CHECK(next_move(in_place).kind == Kind::end);
    View back = view;
    back.phase.phase = Phase::rolled_back;
    CHECK(next_move(back).kind == Kind::end);
}

}  // namespace
}  // namespace polygon::rebuild
