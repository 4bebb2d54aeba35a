#include "common/etcd/rebuild_state.h"

#include <algorithm>
#include <array>

#include "common/etcd/value_json.h"

namespace polygon::etcd {
namespace {

constexpr std::array kModes = {Words<Mode>{Mode::reset, "reset"}, Words<Mode>{Mode::staged, "staged"},
                               Words<Mode>{Mode::in_place, "in-place"}};
constexpr std::array kReplicaSources = {Words<ReplicaSource>{ReplicaSource::leader, "leader"},
                                        Words<ReplicaSource>{ReplicaSource::staged, "staged"}};
constexpr std::array kPhases = {Words<Phase>{Phase::stage, "stage"},
                                Words<Phase>{Phase::copy, "copy"},
                                Words<Phase>{Phase::stop, "stop"},
                                Words<Phase>{Phase::clear, "clear"},
                                Words<Phase>{Phase::bootstrap, "bootstrap"},
                                Words<Phase>{Phase::replicas, "replicas"},
                                Words<Phase>{Phase::verify, "verify"},
                                Words<Phase>{Phase::done, "done"},
                                Words<Phase>{Phase::undo, "undo"},
                                Words<Phase>{Phase::restore, "restore"},
                                Words<Phase>{Phase::rolled_back, "rolled-back"}};
constexpr std::array kAnswerStates = {Words<AnswerState>{AnswerState::working, "working"},
                                      Words<AnswerState>{AnswerState::done, "done"},
                                      Words<AnswerState>{AnswerState::failed, "failed"}};

template <class Parse>
auto parse_value(const std::string& text, std::string_view key, Parse&& parse) -> Result<decltype(parse(Json()))> {
    try {
        return parse(Json::parse(text));
    } catch (const std::exception& error) {
        return Error{Errc::conflict, fmt::format("the value of key '{}' cannot be understood: {}", key, error.what()),
                     "Run polygon-rebuild reset to write it anew."};
    }
}

std::string text_or_none(const Json& json, const char* key) {
    return json.value(key, std::string());
}

Json backup_json(const PlannedBackup& backup) {
    return {{"directory", backup.directory},
            {"label", backup.label},
            {"time", backup.time},
            {"identity", backup.identity},
            {"bytes", backup.bytes}};
}

PlannedBackup to_backup(const Json& json) {
    return {.directory = json.at("directory"),
            .label = json.at("label"),
            .time = json.at("time"),
            .identity = json.at("identity"),
            .bytes = json.at("bytes")};
}

Json answer_json(const Answer& answer) {
    return {{"generation", answer.generation},   {"phase", to_text(answer.phase)},
            {"attempt", answer.attempt},         {"state", word_of(kAnswerStates, answer.state)},
            {"activity", answer.activity},       {"bytes_done", answer.bytes_done},
            {"bytes_total", answer.bytes_total}, {"error", answer.error}};
}

Answer to_answer(const Json& json) {
    return {.generation = json.at("generation"),
            .phase = value_of(kPhases, json.at("phase")),
            .attempt = json.at("attempt"),
            .state = value_of(kAnswerStates, json.at("state")),
            .activity = json.at("activity"),
            .bytes_done = json.at("bytes_done"),
            .bytes_total = json.at("bytes_total"),
            .error = json.at("error")};
}

Json preflight_json(const Preflight& preflight) {
    return {{"id", preflight.id}, {"report", preflight.report}, {"error", preflight.error}};
}

Preflight to_preflight(const Json& json) {
    return {.id = json.at("id"), .report = json.at("report"), .error = json.at("error")};
}

}  // namespace

std::string_view to_text(Phase phase) {
    return word_of(kPhases, phase);
}

bool is_terminal(Phase phase) {
    return phase == Phase::done || phase == Phase::rolled_back;
}

bool is_before_stop(Phase phase) {
    return phase == Phase::stage || phase == Phase::copy;
}

std::string to_json(const Plan& plan) {
    return dump({{"generation", plan.generation},
                 {"leader", plan.leader},
                 {"requested_at", plan.requested_at},
                 {"system_identifier", plan.system_identifier},
                 {"mode", word_of(kModes, plan.mode)},
                 {"members", plan.members},
                 {"replicas", word_of(kReplicaSources, plan.replicas)},
                 {"backup", backup_json(plan.backup)},
                 {"replaced_generation", plan.replaced_generation}});
}

// What a version without rebuilds has written is a reset.
Result<Plan> parse_plan(const std::string& text) {
    return parse_value(text, "plan", [](const Json& json) {
        Plan plan{.generation = json.at("generation"),
                  .leader = json.at("leader"),
                  .requested_at = json.at("requested_at"),
                  .system_identifier = json.at("system_identifier")};
        if (!json.contains("mode")) return plan;
        plan.mode = value_of(kModes, json.at("mode"));
        plan.members = json.at("members").get<std::vector<std::string>>();
        plan.replicas = value_of(kReplicaSources, json.at("replicas"));
        plan.backup = to_backup(json.at("backup"));
        plan.replaced_generation = json.at("replaced_generation");
        return plan;
    });
}

std::string to_json(const Generation& generation) {
    return dump({{"generation", generation.generation},
                 {"leader", generation.leader},
                 {"system_identifier", generation.system_identifier},
                 {"proven_at", generation.proven_at},
                 {"backup_label", generation.backup_label},
                 {"backup_time", generation.backup_time},
                 {"verified_at", generation.verified_at}});
}

Result<Generation> parse_generation(const std::string& text) {
    return parse_value(text, "generation", [](const Json& json) {
        return Generation{.generation = json.at("generation"),
                          .leader = json.at("leader"),
                          .system_identifier = json.at("system_identifier"),
                          .proven_at = json.at("proven_at"),
                          .backup_label = text_or_none(json, "backup_label"),
                          .backup_time = text_or_none(json, "backup_time"),
                          .verified_at = text_or_none(json, "verified_at")};
    });
}

std::string to_json(const PhaseRecord& phase) {
    return dump({{"generation", phase.generation},
                 {"phase", to_text(phase.phase)},
                 {"attempt", phase.attempt},
                 {"since", phase.since},
                 {"error", phase.error},
                 {"seconds", phase.seconds}});
}

Result<PhaseRecord> parse_phase(const std::string& text) {
    return parse_value(text, "phase", [](const Json& json) {
        return PhaseRecord{.generation = json.at("generation"),
                           .phase = value_of(kPhases, json.at("phase")),
                           .attempt = json.at("attempt"),
                           .since = json.at("since"),
                           .error = json.at("error"),
                           .seconds = json.at("seconds")};
    });
}

std::string to_json(const NodeRecord& node) {
    Json json = {{"name", node.name},
                 {"version", node.version},
                 {"updated_at", node.updated_at},
                 {"patroni", node.is_patroni_running ? "running" : "stopped"},
                 {"was_primary", node.was_primary},
                 {"decision", node.decision},
                 {"generation", node.generation},
                 {"backup_label", node.backup_label},
                 {"backup_time", node.backup_time},
                 {"previous_for", node.previous_for},
                 {"address", node.address},
                 {"free_bytes", node.free_bytes},
                 {"used_bytes", node.used_bytes},
                 {"postgresql", node.postgres_major},
                 {"system", node.system},
                 {"shuts_down", node.shuts_down}};
    if (node.answer) json["answer"] = answer_json(*node.answer);
    if (node.preflight) json["preflight"] = preflight_json(*node.preflight);
    if (node.proof) json["proof"] = Json::parse(to_json(*node.proof));
    return dump(json);
}

Result<NodeRecord> parse_node(const std::string& text) {
    return parse_value(text, "nodes/…", [](const Json& json) {
        NodeRecord node{.name = json.at("name"),
                        .version = json.at("version"),
                        .updated_at = json.at("updated_at"),
                        .is_patroni_running = json.at("patroni") == "running",
                        .was_primary = json.at("was_primary"),
                        .decision = json.at("decision"),
                        .generation = json.at("generation"),
                        .backup_label = json.at("backup_label"),
                        .backup_time = json.at("backup_time"),
                        .previous_for = json.at("previous_for"),
                        .address = json.at("address"),
                        .free_bytes = json.at("free_bytes"),
                        .used_bytes = json.at("used_bytes"),
                        .postgres_major = json.at("postgresql"),
                        .system = json.at("system"),
                        .shuts_down = json.value("shuts_down", false)};  // older agents do not say
        if (json.contains("answer")) node.answer = to_answer(json.at("answer"));
        if (json.contains("preflight")) node.preflight = to_preflight(json.at("preflight"));
        // One of another version that cannot be understood counts as none.
        if (json.contains("proof")) {
            if (auto proof = parse_proof(json.at("proof").dump())) node.proof = *std::move(proof);
        }
        return node;
    });
}

std::string to_json(const HistoryRecord& history) {
    return dump({{"generation", history.generation},
                 {"outcome", history.outcome},
                 {"mode", history.mode},
                 {"leader", history.leader},
                 {"backup_label", history.backup_label},
                 {"backup_time", history.backup_time},
                 {"started_at", history.started_at},
                 {"ended_at", history.ended_at},
                 {"error", history.error},
                 {"bytes", history.bytes},
                 {"seconds", history.seconds}});
}

Result<HistoryRecord> parse_history(const std::string& text) {
    return parse_value(text, "history/…", [](const Json& json) {
        return HistoryRecord{.generation = json.at("generation"),
                             .outcome = json.at("outcome"),
                             .mode = json.at("mode"),
                             .leader = json.at("leader"),
                             .backup_label = json.at("backup_label"),
                             .backup_time = json.at("backup_time"),
                             .started_at = json.at("started_at"),
                             .ended_at = json.at("ended_at"),
                             .error = json.at("error"),
                             .bytes = json.at("bytes"),
                             .seconds = json.at("seconds")};
    });
}

bool is_active(const std::optional<Plan>& plan, const std::optional<PhaseRecord>& phase) {
    return plan && phase && plan->mode != Mode::reset && plan->generation == phase->generation &&
           !is_terminal(phase->phase);
}

bool names_member(const Plan& plan, const std::string& member) {
    return std::find(plan.members.begin(), plan.members.end(), member) != plan.members.end();
}

std::string proof_id(const PhaseRecord& phase) {
    return fmt::format("{} {} {}", phase.generation, to_text(phase.phase), phase.attempt);
}

bool answers(const NodeRecord& node, const PhaseRecord& phase, AnswerState state) {
    return node.answer && node.answer->generation == phase.generation && node.answer->phase == phase.phase &&
           node.answer->attempt == phase.attempt && node.answer->state == state;
}

}  // namespace polygon::etcd
