#include "common/etcd/rebuild_state.h"

#include "tests/support/catch.h"

namespace polygon::etcd {
namespace {

Plan staged_plan() {
    return {.generation = "g2",
            .leader = "polygon\"1",
            .requested_at = "2026-11-20T03:00:00Z",
            .system_identifier = "7423",
            .mode = Mode::staged,
            .members = {"polygon\"1", "polygon2"},
            .replicas = ReplicaSource::staged,
            .backup = {"/backups/1", "1", "2026-11-19T03:00:00Z", "ab", 42},
            .replaced_generation = "{\"generation\":\"g1\"}"};
}

TEST_CASE("a plan comes back as it was written") {
    const auto plan = parse_plan(to_json(staged_plan()));
    REQUIRE(plan.has_value());
    CHECK(plan->generation == "g2");
    CHECK(plan->leader == "polygon\"1");
    CHECK(plan->system_identifier == "7423");
    CHECK(plan->mode == Mode::staged);
    CHECK(plan->members == staged_plan().members);
    CHECK(plan->replicas == ReplicaSource::staged);
    CHECK(plan->backup == staged_plan().backup);
    CHECK(plan->replaced_generation == staged_plan().replaced_generation);
}

TEST_CASE("a plan of before there were rebuilds is a reset") {
    const auto plan =
        parse_plan(R"({"generation":"g","leader":"a","requested_at":"2026-11-20T03:00:00Z","system_identifier":""})");
    REQUIRE(plan.has_value());
    CHECK(plan->mode == Mode::reset);
}

TEST_CASE("a generation comes back as it was written, with or without what came later") {
    const auto generation =
        parse_generation(to_json(Generation{"g1", "a", "7423", "2026-11-20T03:00:00Z", "1", "2026-11-19", "then"}));
    REQUIRE(generation.has_value());
    CHECK(generation->proven_at == "2026-11-20T03:00:00Z");
    CHECK(generation->backup_label == "1");
    CHECK(generation->verified_at == "then");
    const auto old = parse_generation(R"({"generation":"g","leader":"a","system_identifier":"1","proven_at":"2026"})");
    REQUIRE(old.has_value());
    CHECK(old->verified_at.empty());
}

TEST_CASE("every phase comes back as it was written") {
    for (const Phase phase : {Phase::stage, Phase::copy, Phase::stop, Phase::clear, Phase::bootstrap, Phase::replicas,
                              Phase::verify, Phase::done, Phase::undo, Phase::restore, Phase::rolled_back}) {
        const auto record = parse_phase(to_json(PhaseRecord{
            .generation = "g2", .phase = phase, .attempt = 3, .since = "2026", .seconds = {{"stage", 1.5}}}));
        INFO(to_text(phase));
        REQUIRE(record.has_value());
        CHECK(record->phase == phase);
        CHECK(record->attempt == 3);
        CHECK(record->seconds.at("stage") == 1.5);
    }
}

TEST_CASE("a node's record comes back as it was written") {
    NodeRecord node{
        .name = "polygon1", .is_patroni_running = true, .generation = "g1", .free_bytes = 7, .shuts_down = true};
    node.answer = Answer{.generation = "g2",
                         .phase = Phase::copy,
                         .attempt = 2,
                         .state = AnswerState::failed,
                         .activity = "copying",
                         .bytes_done = 1,
                         .bytes_total = 2,
                         .error = "no \xff room"};
    node.preflight = Preflight{.id = "p1", .report = "{}"};
    const auto back = parse_node(to_json(node));
    REQUIRE(back.has_value());
    CHECK(back->is_patroni_running);
    CHECK(back->free_bytes == 7);
    CHECK(back->shuts_down);
    REQUIRE(back->answer);
    CHECK(back->answer->phase == Phase::copy);
    CHECK(back->answer->state == AnswerState::failed);
    CHECK(back->answer->error == "no \xef\xbf\xbd room");
    REQUIRE(back->preflight);
    CHECK(back->preflight->report == "{}");
}

TEST_CASE("a key that holds something else is an error that names it") {
    for (const char* text : {"", "{", "[]", "{\"generation\":1}", "{\"generation\":\"g\"}"}) {
        for (const Error& error : {parse_plan(text).error(), parse_generation(text).error(), parse_phase(text).error(),
                                   parse_node(text).error(), parse_history(text).error()}) {
            CHECK(error.code == Errc::conflict);
            CHECK_THAT(error.message, ContainsText("cannot be understood"));
        }
    }
    std::string plan = to_json(staged_plan());
    plan.replace(plan.find("\"staged\""), 8, "\"stagen\"");
    CHECK_THAT(parse_plan(plan).error().message, ContainsText("unknown word 'stagen'"));
}

TEST_CASE("a rebuild is under way between its plan and its end, a reset never") {
    Plan plan = staged_plan();
    PhaseRecord phase{.generation = "g2", .phase = Phase::stop};
    CHECK(is_active(plan, phase));
    CHECK_FALSE(is_active(plan, std::nullopt));
    CHECK_FALSE(is_active(std::nullopt, phase));
    phase.phase = Phase::done;
    CHECK_FALSE(is_active(plan, phase));
    phase = {.generation = "g1", .phase = Phase::stop};
    CHECK_FALSE(is_active(plan, phase));
    phase.generation = "g2";
    plan.mode = Mode::reset;
    CHECK_FALSE(is_active(plan, phase));
}

TEST_CASE("an answer counts for its own phase and attempt only") {
    const PhaseRecord phase{.generation = "g2", .phase = Phase::stop, .attempt = 2};
    NodeRecord node;
    CHECK_FALSE(answers(node, phase, AnswerState::done));
    node.answer = Answer{.generation = "g2", .phase = Phase::stop, .attempt = 2, .state = AnswerState::done};
    CHECK(answers(node, phase, AnswerState::done));
    CHECK_FALSE(answers(node, phase, AnswerState::failed));
    node.answer->attempt = 1;
    CHECK_FALSE(answers(node, phase, AnswerState::done));
}

}  // namespace
}  // namespace polygon::etcd
