#include "tests/unit/entrypoint/next_task_given.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

TEST_CASE("the way back: the new clone is taken back, the old data brought back, Patroni started") {
    const Orders back = orders(Phase::restore);
    check(next(back, node("polygon1", new_data())), Task::take_back, AnswerState::working);
    check(next(back, node("polygon2", half_data())), Task::take_back, AnswerState::working);
    check(next(back, serving("polygon2", new_data())), Task::stop_patroni, AnswerState::working);
    check(next(back, node("polygon1", with_staged(new_data()))), Task::remove_staged, AnswerState::working);
    DiskSeen taken = with_staged({});
    taken.previous_for = "g2";
    check(next(back, node("polygon1", taken)), Task::bring_back, AnswerState::working);
    DiskSeen half_aside = with_staged(old_data());
    half_aside.half_set_aside_for = "g2";
    check(next(back, node("polygon1", half_aside)), Task::bring_back, AnswerState::working);
    DiskSeen primary = with_staged(old_data());
    primary.was_primary = true;
    check(next(back, node("polygon1", primary)), Task::start_patroni, AnswerState::working);
    check(next(back, node("polygon1", primary, PatroniState::running)), Task::none, AnswerState::done);
}

TEST_CASE("on the way back a standby waits for a leader, though not for ever") {
    NodeSeen seen = node("polygon2", old_data());
    seen.others.holder = "";
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    seen.phase_seen_for = 29s;
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    seen.phase_seen_for = 30s;
    check(next(orders(Phase::restore), seen), Task::start_patroni, AnswerState::working);
    seen.others.may_primary_return = true;
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    CHECK(next(orders(Phase::restore), seen).reason == "waiting for the primary to lead again");
    seen.phase_seen_for = 0s;
    seen.others.holder = "polygon1";  // who may still be about to stop
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    seen.others.is_holder_back = true;
    check(next(orders(Phase::restore), seen), Task::start_patroni, AnswerState::working);
}

TEST_CASE("on the way back a control file that cannot be read is neither a standby's nor the primary's") {
    DiskSeen disk = old_data();
    disk.is_control_unreadable = true;
    disk.was_primary = true;  // for the others: its record says that it may have been
    disk.data.unreadable = "cannot read 'pg_control': Input/output error";
    NodeSeen seen = node("polygon2", disk);
    seen.others.holder = "";
    seen.phase_seen_for = 60s;
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    CHECK(next(orders(Phase::restore), seen).reason ==
          "whether its server was the primary cannot be read: cannot read 'pg_control': Input/output error");
    seen.others = {.holder = "polygon1", .is_holder_back = true};
    check(next(orders(Phase::restore), seen), Task::start_patroni, AnswerState::working);
}

TEST_CASE("where Patroni was never stopped the way back asks for nothing, and the staged clone goes at its end") {
    const NodeSeen seen = node("polygon2", with_staged(old_data()), PatroniState::running);
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::done);
    check(next(orders(Phase::rolled_back), seen), Task::discard_staged, std::nullopt);
}

TEST_CASE("a node without a way back waits for a leader, gives up its undone clone only then, and clones") {
    DiskSeen clone = new_data();
    clone.previous_for = "";
    clone.was_primary = true;  // it must not lead again
    NodeSeen seen = node("polygon2", clone);
    seen.phase_seen_for = 60s;
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    CHECK(next(orders(Phase::restore), seen).guard == Guard::off);
    seen.others = {.holder = "polygon3", .is_holder_back = true};
    seen.disk.data.has_running_server = true;
    check(next(orders(Phase::restore), seen), Task::stop_server, AnswerState::working);
    seen.disk.data.has_running_server = false;
    check(next(orders(Phase::restore), seen), Task::remove_data, AnswerState::working);
    seen.disk = {};
    check(next(orders(Phase::restore), seen), Task::start_patroni, AnswerState::working);
    seen.others = {};
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    seen.patroni.state = PatroniState::running;
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::done);
}

TEST_CASE("the previous data goes when the rebuild is done, where the configuration does not keep it") {
    NodeSeen seen = node("polygon1", new_data(), PatroniState::running);
    const Step step = next(orders(Phase::done), seen);
    check(step, Task::discard_all, std::nullopt);
    CHECK(step.guard == Guard::on);
    CHECK(next_task(orders(Phase::done), seen, Previous::keep).task == Task::none);
    seen.disk = with_staged(new_data());
    CHECK(next_task(orders(Phase::done), seen, Previous::keep).task == Task::discard_staged);
    seen.helper = helper(HelperKind::discard, Phase::done, HelperState::done);
    CHECK(next(orders(Phase::done), seen).task == Task::none);
}

TEST_CASE("what an interrupted removal has left of the previous data goes as well, kept or not") {
    DiskSeen remains = new_data();
    remains.previous_for.clear();
    remains.has_remains = true;
    const NodeSeen seen = node("polygon1", remains, PatroniState::running);
    CHECK(next_task(orders(Phase::done), seen, Previous::keep).task == Task::discard_all);
    CHECK(next(orders(Phase::rolled_back), seen).task == Task::none);
    CHECK(next(orders(Phase::done), node("polygon1", remains)).task == Task::none);
}

TEST_CASE("the previous data stays with a node that does not run on the new generation") {
    CHECK(next(orders(Phase::done), node("polygon1", new_data())).task == Task::none);
    DiskSeen late = old_data();
    late.previous_for = "g2";
    CHECK(next(orders(Phase::done), node("polygon1", late, PatroniState::running)).task == Task::none);
    CHECK(next(orders(Phase::done), node("polygon1", half_data(), PatroniState::running)).task == Task::none);
}

TEST_CASE("what a way back has left staged goes, and the previous data directory is not asked for") {
    const NodeSeen seen = node("polygon1", with_staged(old_data()), PatroniState::running);
    check(next(orders(Phase::rolled_back), seen), Task::discard_staged, std::nullopt);
    DiskSeen half = old_data();  // removed: there is no polygon.json any more
    half.has_staged = true;
    check(next(orders(Phase::rolled_back), node("polygon1", half, PatroniState::running)), Task::discard_staged,
          std::nullopt);
    half.data = {};  // Patroni's own bootstrap may be at work there
    CHECK(next(orders(Phase::rolled_back), node("polygon1", half, PatroniState::running)).task == Task::none);
    DiskSeen old = old_data();
    old.previous_for = "g2";
    CHECK(next(orders(Phase::rolled_back), node("polygon1", old, PatroniState::running)).task == Task::none);
}

TEST_CASE("the primary of before may return while a member lives that has, or may have, its data") {
    const Orders given = orders(Phase::restore);
    const auto may_return = [&](const etcd::NodeRecord& record) {
        return look_at_others({record}, "", *given.plan, *given.phase, "polygon2").may_primary_return;
    };
    etcd::NodeRecord record{.name = "polygon1", .was_primary = true, .generation = "g1"};
    CHECK(may_return(record));
    record.answer = etcd::Answer{.generation = "g2", .phase = Phase::undo, .state = AnswerState::failed};
    CHECK(may_return(record));  // still stopping, then
    record.answer->phase = Phase::restore;
    CHECK_FALSE(may_return(record));
    record.answer->state = AnswerState::done;
    CHECK(may_return(record));
    record.was_primary = false;
    CHECK_FALSE(may_return(record));
    record.previous_for = "g2";  // where what it was is not seen
    CHECK(may_return(record));
    // The undone generation's primary, of a node that was empty.
    CHECK_FALSE(may_return({.name = "polygon1", .was_primary = true, .generation = "g2"}));
    CHECK_FALSE(may_return({.name = "polygon2", .was_primary = true, .generation = "g1"}));
    CHECK_FALSE(may_return({.name = "polygon9", .was_primary = true, .generation = "g1"}));
}

}  // namespace
}  // namespace polygon::entrypoint
