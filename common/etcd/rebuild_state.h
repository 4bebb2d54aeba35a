// What the coordinator of a rebuild and the agents of its nodes tell each other through etcd: plain values and their
// JSON. Keys: rebuild_keys.h. Every parse_… gives Errc::conflict naming the key if it holds something else.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/etcd/node_proof.h"

namespace polygon::etcd {

// reset: `polygon-rebuild reset`, which the nodes follow when they are started. staged: the clone is made beside the
// running polygon. in_place: the polygon is wiped first, for a disk without room for two; there is no way back.
enum class Mode { reset, staged, in_place };

// Where replicas come from: cloned from the new leader, or from its staged clone before the polygon stops.
enum class ReplicaSource { leader, staged };

// The backup that was planned with; all empty where the source is no directory.
struct PlannedBackup {
    std::string directory;
    std::string label;
    std::string time;      // when it began, as its manifest has it
    std::string identity;  // of its manifest: tells a replaced backup of the same name
    std::uint64_t bytes = 0;

    bool operator==(const PlannedBackup&) const = default;
};

// The rebuild that was asked for last. Under Mode::reset guards and polygon-bootstrap go by it until a Generation of
// the same name says that it is done; else it counts only together with a PhaseRecord of the same generation.
struct Plan {
    std::string generation;
    std::string leader;
    std::string requested_at;       // UTC
    std::string system_identifier;  // of the cluster that it replaces; may be empty
    Mode mode = Mode::reset;
    std::vector<std::string> members;  // all that take part, the leader too; none under reset
    ReplicaSource replicas = ReplicaSource::leader;
    PlannedBackup backup;
    std::string replaced_generation;  // the value of the key `generation` when this was planned; empty: none
};

// The generation that a leader has proven last.
struct Generation {
    std::string generation;
    std::string leader;
    std::string system_identifier;
    std::string proven_at;     // UTC
    std::string backup_label;  // these two are empty if an earlier version wrote it
    std::string backup_time;
    std::string verified_at;  // UTC, by the coordinator of the rebuild; empty: not by one
};

// In the order in which a rebuild goes through them; `undo` and `restore` lead back. `done` and `rolled_back` end it.
enum class Phase { stage, copy, stop, clear, bootstrap, replicas, verify, done, undo, restore, rolled_back };

std::string_view to_text(Phase phase);  // "stage", … "rolled-back"
bool is_terminal(Phase phase);
// While the polygon serves as before: nothing of the rebuild has cost it anything yet.
bool is_before_stop(Phase phase);

// The value of key `phase`, which only the holder of the lock writes.
struct PhaseRecord {
    std::string generation;
    Phase phase = Phase::stage;
    int attempt = 1;                        // grows when somebody resumes what had failed
    std::string since;                      // UTC
    std::string error;                      // why it goes back or is stuck; empty while all is well
    std::map<std::string, double> seconds;  // of each phase that has ended, by its text
};

enum class AnswerState { working, done, failed };

// What an agent says to a phase. It counts only for the same generation, phase and attempt.
struct Answer {
    std::string generation;
    Phase phase = Phase::stage;
    int attempt = 1;
    AnswerState state = AnswerState::working;
    std::string activity;  // "restoring", "quarantine"
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;  // 0: not known
    std::string error;
};

// What an agent found when it was asked by the key `preflight`.
struct Preflight {
    std::string id;      // of the request
    std::string report;  // the JSON of `polygon-bootstrap plan --json`; empty: it came to none
    std::string error;   // why it failed, with a report or without
};

// The value of key nodes/<name>, under the agent's lease.
struct NodeRecord {
    std::string name;
    std::string version;  // of pg-polygon
    std::string updated_at;
    bool is_patroni_running = false;
    bool was_primary = false;  // by pg_control: the server here is or was a primary, or may be for it cannot be read
    std::string decision;      // the guard's last, with its reason
    std::string generation;    // of the data directory; empty: none
    std::string backup_label;
    std::string backup_time;
    std::string previous_for;      // the generation for which D.previous was set aside; empty: none
    std::string address;           // "host:port" of the staged leader, while it is served to replicas
    std::uint64_t free_bytes = 0;  // where the clone is staged
    std::uint64_t used_bytes = 0;  // of that file system
    int postgres_major = 0;        // of the programs; 0: not known
    std::string system;            // C library's version, as collations go by it: "glibc 2.36"
    bool shuts_down = false;       // a PostgreSQL that was told to stop still lives on the data directory
    std::optional<Answer> answer;
    std::optional<Preflight> preflight;
    std::optional<NodeProof> proof;  // none: nobody wants one, or the agent's version knows of none
};

// The value of key history/<generation>.
struct HistoryRecord {
    std::string generation;
    std::string outcome;  // "done", "rolled back", "aborted"
    std::string mode;
    std::string leader;
    std::string backup_label;
    std::string backup_time;
    std::string started_at;  // UTC
    std::string ended_at;
    std::string error;
    std::uint64_t bytes = 0;
    std::map<std::string, double> seconds;  // by phase
};

std::string to_json(const Plan& plan);
std::string to_json(const Generation& generation);
std::string to_json(const PhaseRecord& phase);
std::string to_json(const NodeRecord& node);
std::string to_json(const HistoryRecord& history);

Result<Plan> parse_plan(const std::string& text);
Result<Generation> parse_generation(const std::string& text);
Result<PhaseRecord> parse_phase(const std::string& text);
Result<NodeRecord> parse_node(const std::string& text);
Result<HistoryRecord> parse_history(const std::string& text);

// Whether a rebuild of this plan is under way: not for a reset, nor for a phase of another generation, nor after its
// end.
bool is_active(const std::optional<Plan>& plan, const std::optional<PhaseRecord>& phase);
bool names_member(const Plan& plan, const std::string& member);
// What an agent's proof of this phase and attempt is called.
std::string proof_id(const PhaseRecord& phase);
// Whether the node's answer is to this very phase and attempt.
bool answers(const NodeRecord& node, const PhaseRecord& phase, AnswerState state);

}  // namespace polygon::etcd
