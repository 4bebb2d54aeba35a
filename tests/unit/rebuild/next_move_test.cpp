#include "bootstrap/rebuild/coordinator/next_move.h"

#include "tests/support/catch.h"
#include "tests/unit/rebuild/views.h"

namespace polygon::rebuild {
namespace {

using etcd::AnswerState;
using etcd::Mode;
using etcd::Phase;
using etcd::ReplicaSource;
using Kind = Move::Kind;

constexpr const char* kVerifiedAt = "2026-11-20T03:10:00Z";

constexpr Phase kAllPhases[] = {Phase::stage,     Phase::copy,     Phase::stop,       Phase::clear,
                                Phase::bootstrap, Phase::replicas, Phase::verify,     Phase::done,
                                Phase::undo,      Phase::restore,  Phase::rolled_back};

// Every answer that a phase waits for is there, and so is what it waits for in the cluster.
View ready_in(Phase phase, Mode mode = Mode::staged, ReplicaSource replicas = ReplicaSource::leader) {
    View view = view_in(phase, mode, replicas);
    answer_all(view, AnswerState::done);
    if (phase == Phase::clear || phase == Phase::undo) stop_all(view);
    if (phase == Phase::replicas || phase == Phase::verify) prove_all(view);
    if (phase == Phase::verify) {
        view.certified = Certified{.verified_at = kVerifiedAt};
        proof_of(view, "polygon1").kept_certificate = kVerifiedAt;
    }
    return view;
}

Move enters(Phase phase) {
    return {.kind = Kind::enter, .phase = phase, .reason = {}};
}

TEST_CASE("a rebuild goes through its phases when every member has answered") {
    CHECK(next_move(ready_in(Phase::stage)) == enters(Phase::stop));
    CHECK(next_move(ready_in(Phase::stop)) == enters(Phase::clear));
    CHECK(next_move(ready_in(Phase::clear)) == Move{.kind = Kind::clear, .phase = Phase::bootstrap, .reason = {}});
    CHECK(next_move(ready_in(Phase::bootstrap)) == enters(Phase::replicas));
    CHECK(next_move(ready_in(Phase::replicas)) == enters(Phase::verify));
    CHECK(next_move(ready_in(Phase::verify)) == Move{.kind = Kind::finish, .phase = Phase::done, .reason = {}});
    CHECK(next_move(ready_in(Phase::done)).kind == Kind::end);
}

TEST_CASE("in place it goes through the same ones, and never copies") {
    for (const ReplicaSource replicas : {ReplicaSource::leader, ReplicaSource::staged})
        CHECK(next_move(ready_in(Phase::stage, Mode::in_place, replicas)) == enters(Phase::stop));
    CHECK(next_move(ready_in(Phase::verify, Mode::in_place)).phase == Phase::done);
}

TEST_CASE("replicas that copy the staged clone do so before the polygon stops") {
    CHECK(next_move(ready_in(Phase::stage, Mode::staged, ReplicaSource::staged)) == enters(Phase::copy));
    CHECK(next_move(ready_in(Phase::copy, Mode::staged, ReplicaSource::staged)) == enters(Phase::stop));
}

TEST_CASE("a replica whose copy failed is no failure of the rebuild; the leader's is") {
    View view = ready_in(Phase::copy, Mode::staged, ReplicaSource::staged);
    answer(view, "polygon3", AnswerState::failed, "connection refused");
    CHECK(next_move(view) == enters(Phase::stop));
    answer(view, "polygon2", AnswerState::working);
    CHECK(next_move(view).kind == Kind::wait);
    answer(view, "polygon1", AnswerState::failed, "no port");
    CHECK(next_move(view).kind == Kind::go_back);
}

TEST_CASE("a cluster that was paused meanwhile is not stopped: the rebuild goes back, and nothing was down") {
    View staged = ready_in(Phase::stage);
    View copied = ready_in(Phase::copy, Mode::staged, ReplicaSource::staged);
    for (View* view : {&staged, &copied}) {
        view->cluster.is_paused = true;
        CHECK(next_move(*view).kind == Kind::go_back);
        CHECK(next_move(*view).phase == Phase::restore);
        CHECK_THAT(next_move(*view).reason, ContainsText("the cluster was paused"));
        answer(*view, "polygon1", AnswerState::working);
        CHECK(next_move(*view).kind == Kind::wait);
    }
}

TEST_CASE("a member whose Patroni has gone is waited for before the polygon is stopped") {
    View view = ready_in(Phase::stage);
    view.cluster.members.pop_back();
    CHECK(next_move(view) == enters(Phase::stop));  // its key may have been between two leases
    view.nodes.at("polygon3").is_patroni_running = false;
    CHECK(next_move(view).reason == "polygon3 to be in the cluster");
}

TEST_CASE("every phase that needs answers waits for each of them, and names who is missing") {
    for (const Phase phase :
         {Phase::stage, Phase::copy, Phase::stop, Phase::clear, Phase::replicas, Phase::undo, Phase::restore}) {
        for (const std::string& member : kMembers) {
            View view = ready_in(phase);
            INFO(etcd::to_text(phase) << " " << member);
            answer(view, member, AnswerState::working);
            CHECK(next_move(view) == Move{.kind = Kind::wait, .phase = Phase::stage, .reason = member});
            view.nodes.erase(member);
            CHECK(next_move(view).reason == member + " (no agent answers for " + member + ")");
        }
    }
}

TEST_CASE("answers to another phase, attempt or generation do not count") {
    for (const Phase phase :
         {Phase::stage, Phase::stop, Phase::clear, Phase::bootstrap, Phase::replicas, Phase::undo}) {
        INFO(etcd::to_text(phase));
        View stale = ready_in(phase);
        stale.phase.attempt = 2;
        CHECK(next_move(stale).kind == Kind::wait);
        View foreign = ready_in(phase);
        for (auto& [name, node] : foreign.nodes)
            node.answer->generation = "another";
        CHECK(next_move(foreign).kind == Kind::wait);
        View earlier = ready_in(phase);
        for (auto& [name, node] : earlier.nodes)
            node.answer->phase = Phase::copy;
        CHECK(next_move(earlier).kind == Kind::wait);
    }
}

TEST_CASE("a failure that was answered to an earlier attempt is forgotten") {
    View view = view_in(Phase::stage);
    answer(view, "polygon1", AnswerState::failed, "no space");
    view.phase.attempt = 2;
    CHECK(next_move(view).kind == Kind::wait);
}

TEST_CASE("the keys are cleared after the answers to the stop, too") {
    View view = ready_in(Phase::clear);
    for (auto& [name, node] : view.nodes)
        node.answer->phase = Phase::stop;
    CHECK(next_move(view).kind == Kind::clear);
}

TEST_CASE("while a leader key is there nothing is cleared") {
    View view = ready_in(Phase::clear);
    view.cluster.leader = "polygon2";
    CHECK(next_move(view) ==
          Move{.kind = Kind::wait, .phase = Phase::stage, .reason = "the leader key of polygon2 to go"});
    view.progress = Progress::stalled;
    CHECK(next_move(view).kind == Kind::go_back);
    CHECK(next_move(view).phase == Phase::restore);
}

TEST_CASE("a cluster whose initialize is not the planned one is not cleared") {
    View view = ready_in(Phase::clear);
    for (const std::optional<std::string>& initialize :
         {std::optional<std::string>("999"), std::optional<std::string>(""), std::optional<std::string>()}) {
        view.cluster.initialize = initialize;
        const Move move = next_move(view);
        CHECK(move.kind == Kind::go_back);
        CHECK(move.phase == Phase::restore);
        CHECK_THAT(move.reason, ContainsText("not '100' as planned"));
    }
}

TEST_CASE("a member that is not in the plan leads back as long as the old keys are there") {
    for (const Phase phase : {Phase::stage, Phase::copy, Phase::stop, Phase::clear}) {
        View view = ready_in(phase);
        view.cluster.members.push_back({.name = "stranger", .state = "running"});
        CHECK(next_move(view) == Move{.kind = Kind::go_back,
                                      .phase = Phase::restore,
                                      .reason = "member 'stranger' is in the cluster and not in the plan"});
    }
    for (const Phase phase : {Phase::bootstrap, Phase::replicas, Phase::verify, Phase::undo, Phase::restore}) {
        View view = ready_in(phase);
        view.cluster.members.push_back({.name = "stranger", .state = "running"});
        CHECK(next_move(view).kind != Kind::go_back);
    }
}

TEST_CASE("the bootstrap is over when the planned leader has proven this generation and leads") {
    View view = ready_in(Phase::bootstrap);
    answer(view, "polygon2", AnswerState::working);
    CHECK(next_move(view).kind == Kind::enter);
    for (const std::optional<std::string>& proven :
         {std::optional<std::string>("before"), std::optional<std::string>()}) {
        View unproven = view;
        unproven.proven = proven;
        CHECK(next_move(unproven).kind == Kind::wait);
    }
    for (const char* leader : {"polygon2", ""}) {
        View other = view;
        other.cluster.leader = leader;
        CHECK(next_move(other).kind == Kind::wait);
    }
    view.cluster.initialize = "";
    CHECK(next_move(view).kind == Kind::wait);
}

TEST_CASE("replicas have to follow by their own nodes' word, whomever they stream from") {
    View view = ready_in(Phase::replicas);
    run_all(view, "starting");  // Patroni's key says more or less than that
    proof_of(view, "polygon3").upstream = "10.0.0.2:5432";
    CHECK(next_move(view).kind == Kind::enter);
    proof_of(view, "polygon3").receiver.clear();
    proof_of(view, "polygon3").received_lsn = 1;
    CHECK_THAT(next_move(view).reason, ContainsText("polygon3 to follow (no WAL receiver runs"));
    view.nodes.at("polygon3").proof = etcd::NodeProof{.id = etcd::proof_id(view.phase), .error = "no room"};
    CHECK(next_move(view).reason == "polygon3 to follow (no room)");
    view.progress = Progress::stalled;
    CHECK(next_move(view).kind == Kind::go_back);
    CHECK_THAT(next_move(view).reason, ContainsText("no room"));
}

TEST_CASE("a leader that cannot be seen is waited for, with its last error") {
    for (const Phase phase : {Phase::replicas, Phase::verify}) {
        View view = ready_in(phase);
        view.nodes.at("polygon1").proof = etcd::NodeProof{.id = etcd::proof_id(view.phase), .error = "no pg_hba line"};
        CHECK(next_move(view).kind == Kind::wait);
        CHECK(next_move(view).reason == "the leader polygon1 to be seen (no pg_hba line)");
        view.progress = Progress::stalled;
        CHECK(next_move(view).kind == Kind::go_back);
        CHECK_THAT(next_move(view).reason, ContainsText("no pg_hba line"));
    }
}

TEST_CASE("a replica for which only Patroni and its files speak is a warning in the end, and no way back") {
    for (const Phase phase : {Phase::replicas, Phase::verify}) {
        View view = ready_in(phase);
        view.nodes.at("polygon3").generation = kGeneration;
        view.nodes.at("polygon3").proof.reset();
        view.cluster.members[2].timeline = 2;
        if (phase == Phase::verify) view.certified.reset();
        CHECK(next_move(view).kind == Kind::wait);
        view.progress = Progress::stalled;
        CHECK(next_move(view).kind == (phase == Phase::replicas ? Kind::enter : Kind::certify));
        view.cluster.members[2].timeline = 1;
        CHECK(next_move(view).kind == Kind::go_back);
    }
}

TEST_CASE("the new polygon is certified when all is proven, and done when the leader has kept that") {
    View view = ready_in(Phase::verify);
    view.certified.reset();
    CHECK(next_move(view) == Move{.kind = Kind::certify, .phase = Phase::verify, .reason = {}});
    view.certified = Certified{.verified_at = kVerifiedAt};
    proof_of(view, "polygon1").kept_certificate = "before";
    CHECK(next_move(view).reason == "the leader to keep the certificate");
    view.certified->is_overdue = true;
    CHECK(next_move(view).kind == Kind::finish);
}

TEST_CASE("what the leader's data says against the new polygon leads back at once") {
    View view = ready_in(Phase::verify);
    proof_of(view, "polygon1").evidence =
        sanitize::to_json(sanitize::Certificate{.scope = "polygon",
                                                .verified_at = kVerifiedAt,
                                                .marker = {.generation = kGeneration},
                                                .checks = {{"roles locked", false, "open again: app"}}});
    CHECK(next_move(view) == Move{.kind = Kind::go_back,
                                  .phase = Phase::undo,
                                  .reason = "the new polygon is not what it has to be: not proven: roles locked: open "
                                            "again: app"});
    view.plan.mode = Mode::in_place;
    CHECK(next_move(view).kind == Kind::stuck);
}

TEST_CASE("nobody answers for the whole of the coordinator's patience: back, or a person") {
    for (const Phase phase : kAllPhases) {
        if (etcd::is_terminal(phase)) continue;
        INFO(etcd::to_text(phase));
        View view = view_in(phase);
        view.progress = Progress::stalled;
        const Move move = next_move(view);
        const bool is_going_back = phase == Phase::undo || phase == Phase::restore;
        CHECK(move.kind == (is_going_back ? Kind::stuck : Kind::go_back));
        CHECK_THAT(move.reason, ContainsText("nothing moved in phase " + std::string(etcd::to_text(phase))));
    }
}

TEST_CASE("a reason for going back has the last words of each member that was waited for") {
    View view = ready_in(Phase::stop);
    answer(view, "polygon2", AnswerState::working);
    view.nodes.at("polygon2").answer->activity = "its PostgreSQL still shuts down";
    view.nodes.at("polygon3").answer.reset();
    view.nodes.at("polygon3").decision = "guard wait: etcd does not answer";
    view.progress = Progress::stalled;
    CHECK(
        next_move(view).reason ==
        "nothing moved in phase stop, which waited for polygon2, polygon3; polygon2: its PostgreSQL still shuts down; "
        "polygon3: guard wait: etcd does not answer");
}

TEST_CASE("what is ready is done however long it took") {
    View view = ready_in(Phase::stage);
    view.progress = Progress::stalled;
    CHECK(next_move(view).kind == Kind::enter);
}

}  // namespace
}  // namespace polygon::rebuild
