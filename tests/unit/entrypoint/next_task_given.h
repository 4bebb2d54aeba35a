// Orders and nodes of a rebuild from g1 to g2 that polygon1 leads, for the tests of next_task() to change.
#pragma once

#include <array>

#include "bootstrap/entrypoint/agent/next_task.h"
#include "tests/support/catch.h"

namespace polygon::entrypoint {

using etcd::AnswerState;
using etcd::Phase;
using patroni::Previous;

inline constexpr std::array kPhases = {Phase::stage,     Phase::copy,     Phase::stop,       Phase::clear,
                                       Phase::bootstrap, Phase::replicas, Phase::verify,     Phase::done,
                                       Phase::undo,      Phase::restore,  Phase::rolled_back};

inline Orders orders(Phase phase, int attempt = 1) {
    return {.plan = etcd::Plan{.generation = "g2",
                               .leader = "polygon1",
                               .mode = etcd::Mode::staged,
                               .members = {"polygon1", "polygon2", "polygon3"},
                               .replaced_generation = "g1"},
            .phase = etcd::PhaseRecord{.generation = "g2", .phase = phase, .attempt = attempt}};
}

inline Orders in_place(Phase phase) {
    Orders made = orders(phase);
    made.plan->mode = etcd::Mode::in_place;
    return made;
}

inline DiskSeen old_data() {
    return {.data = {.state = DataState::complete, .generation = "g1", .system_identifier = 100}};
}

inline DiskSeen new_data() {
    return {.data = {.state = DataState::complete, .generation = "g2", .system_identifier = 200}, .previous_for = "g2"};
}

// Of the new generation, unfinished or not proven.
inline DiskSeen half_data() {
    return {.data = {.state = DataState::half, .generation = "g2"}, .previous_for = "g2"};
}

inline DiskSeen with_staged(DiskSeen disk) {
    disk.has_staged = true;
    disk.staged_generation = "g2";
    disk.is_staged_sealed = true;
    return disk;
}

inline NodeSeen node(const std::string& name, DiskSeen disk, PatroniState patroni = PatroniState::stopped) {
    return {.name = name, .disk = std::move(disk), .patroni = {.state = patroni}};
}

// Started in the phases bootstrap or replicas.
inline NodeSeen serving(const std::string& name, DiskSeen disk) {
    NodeSeen seen = node(name, std::move(disk), PatroniState::running);
    seen.patroni_serves = "g2";
    return seen;
}

inline HelperSeen helper(HelperKind kind, Phase phase, HelperState state) {
    return {.kind = kind, .attempt = {"g2", phase, 1}, .state = state};
}

inline Step next(const Orders& given, const NodeSeen& seen) {
    return next_task(given, seen, Previous::keep_until_verified);
}

inline void check(const Step& step, Task task, std::optional<AnswerState> answer) {
    INFO(to_text(step.task) << ": " << step.reason);
    CHECK(step.task == task);
    CHECK(step.answer == answer);
}

}  // namespace polygon::entrypoint
