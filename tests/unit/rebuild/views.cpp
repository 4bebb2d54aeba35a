#include "tests/unit/rebuild/views.h"

#include "common/sanitize/certificate.h"

namespace polygon::rebuild {

using etcd::Phase;

etcd::Plan make_plan_of(etcd::Mode mode, etcd::ReplicaSource replicas) {
    return {.generation = kGeneration,
            .leader = "polygon1",
            .requested_at = "2026-11-20T03:00:00Z",
            .system_identifier = kOldSystem,
            .mode = mode,
            .members = kMembers,
            .replicas = replicas,
            .backup = {.directory = "/backups/monday",
                       .label = "monday",
                       .time = "2026-11-20 02:00:00 GMT",
                       .identity = "abc",
                       .bytes = 1000},
            .replaced_generation = ""};
}

void lead(View& view, const std::string& member, const std::string& system_identifier) {
    view.cluster.leader = member;
    view.cluster.initialize = system_identifier;
}

void run_all(View& view, const std::string& state) {
    view.cluster.members.clear();
    for (const std::string& member : kMembers)
        view.cluster.members.push_back({.name = member, .state = state});
}

void stop_all(View& view) {
    view.cluster.leader.reset();
    view.cluster.members.clear();
}

View view_in(Phase phase, etcd::Mode mode, etcd::ReplicaSource replicas) {
    View view{.plan = make_plan_of(mode, replicas)};
    view.phase = {.generation = kGeneration, .phase = phase, .attempt = 1, .since = "2026-11-20T03:00:00Z"};
    for (const std::string& member : kMembers)
        view.nodes[member] = {.name = member, .is_patroni_running = true};
    const bool is_new =
        phase == Phase::bootstrap || phase == Phase::replicas || phase == Phase::verify || phase == Phase::undo;
    lead(view, is_new ? "polygon1" : "polygon2", is_new ? kNewSystem : kOldSystem);
    run_all(view);
    view.proven = is_new ? kGeneration : "before";
    return view;
}

void answer(View& view, const std::string& member, etcd::AnswerState state, const std::string& error) {
    view.nodes.at(member).answer = etcd::Answer{.generation = view.phase.generation,
                                                .phase = view.phase.phase,
                                                .attempt = view.phase.attempt,
                                                .state = state,
                                                .error = error};
}

void answer_all(View& view, etcd::AnswerState state) {
    for (const std::string& member : kMembers)
        answer(view, member, state);
}

etcd::NodeProof& proof_of(View& view, const std::string& member) {
    return *view.nodes.at(member).proof;
}

void prove_all(View& view) {
    for (const std::string& member : kMembers) {
        const bool leads = view.cluster.leader == member;
        etcd::NodeProof proof{.id = etcd::proof_id(view.phase),
                              .role = leads ? etcd::ServerRole::primary : etcd::ServerRole::standby,
                              .generation = kGeneration,
                              .system_identifier = kNewSystem,
                              .timeline = 2,
                              .upstream = leads ? "" : "10.0.0.1:5432",
                              .receiver = leads ? "" : "streaming",
                              .received_lsn = leads ? 0 : kStamped + 8,
                              .replayed_lsn = leads ? 0 : kStamped + 8,
                              .current_lsn = leads ? kStamped + 8 : 0,
                              .stamped_lsn = leads ? kStamped : 0,
                              .logins = {{.role = "replication", .user = "replicator", .member = "polygon1"}}};
        if (leads) {
            proof.evidence =
                sanitize::to_json(sanitize::Certificate{.scope = "polygon",
                                                        .verified_at = "2026-11-20T03:10:00Z",
                                                        .marker = {.generation = kGeneration, .backup_label = "monday"},
                                                        .checks = {{"leader", true, "accepts writes"}}});
        }
        view.nodes[member].proof = proof;
    }
}

}  // namespace polygon::rebuild
