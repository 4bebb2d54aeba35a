// What a node knows of itself and of the others when it decides on its next task: plain values, read elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/entrypoint/guard/guard.h"
#include "bootstrap/entrypoint/supervisor/supervisor.h"
#include "common/etcd/rebuild_state.h"

namespace polygon::entrypoint {

// What the coordinator says, by the keys that agents poll.
struct Orders {
    std::optional<etcd::Plan> plan;
    std::optional<etcd::PhaseRecord> phase;
    std::string preflight_id;  // empty: nobody asks
    std::optional<etcd::ProofRequest> proof;
    std::int64_t phase_revision = 0;  // mod_revision of the key `phase`
};

// One try of one phase: what a failure, or a helper's end, belongs to.
struct Attempt {
    std::string generation;
    etcd::Phase phase = etcd::Phase::stage;
    int number = 1;

    bool operator==(const Attempt&) const = default;
};

struct DiskSeen {
    DataSeen data;
    std::string half_set_aside_for;  // D itself is marked: its setting aside did not come to the renaming
    std::string previous_for;        // the generation for which D.previous was set aside
    bool has_remains = false;        // D.previous is half removed
    bool has_leftovers = false;      // D is empty, and tablespaces' places beside D.previous are not
    bool has_staged = false;
    std::string staged_generation;
    bool is_staged_sealed = false;       // it says so; whether the seal holds takes longer to find out
    bool was_primary = false;            // by pg_control: the last server here was no standby, or may have been none
    bool is_control_unreadable = false;  // it is there
    std::string backup_label;            // of D
    std::string backup_time;
};

enum class HelperKind { stage, serve, copy, discard };
enum class HelperState { running, done, failed };

// The helper program, as it runs or has ended.
struct HelperSeen {
    HelperKind kind = HelperKind::stage;
    Attempt attempt;
    HelperState state = HelperState::running;
    bool was_ended = false;  // by us
    std::string activity;
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
    std::string address;  // where it serves the staged clone
    std::string error;
};

struct OthersSeen {
    bool have_stopped = false;          // every other member answers `done` to this phase
    bool have_copied = false;           // … `done` or `failed`
    std::string source;                 // where the planned leader serves its staged clone
    bool has_source_ended = false;      // the planned leader has done with serving
    std::optional<std::string> holder;  // of Patroni's leader key; "": nobody. None: not asked
    bool is_holder_back = false;        // he answers `done` to this phase: he will not stop any more
    bool may_primary_return = false;    // of the data of before: a member has it, or has not brought its data back yet
    bool is_initialize_empty = false;   // Patroni's key `initialize` is there and "": somebody bootstraps, or died
};

struct NodeSeen {
    std::string name;
    DiskSeen disk;
    PatroniSeen patroni;
    std::string patroni_serves;          // the generation for whose bootstrap or replicas it was started; empty: none
    bool is_patroni_at_work = false;     // of `stopping`: a clone, a bootstrap, a recovery, a removal of data
    bool has_patroni_failed = false;     // it ended by itself in this attempt
    std::string bootstrap_error;         // of the program that it ran then; empty: not known
    bool is_staged_unusable = false;     // put_in_place found its seal broken
    std::optional<HelperSeen> helper;    // the last one
    std::optional<std::string> failure;  // of a task of this attempt
    std::chrono::seconds phase_seen_for{0};
    std::chrono::seconds idle_stop_seen_for{0};  // a Patroni that stops, and neither a server nor a child of it
    OthersSeen others;
};

// Pure: what the records of the members, and who holds the leader key, mean for this one.
OthersSeen look_at_others(const std::vector<etcd::NodeRecord>& records, const std::optional<std::string>& holder,
                          const etcd::Plan& plan, const etcd::PhaseRecord& phase, const std::string& member);

Attempt attempt_of(const etcd::PhaseRecord& phase);

}  // namespace polygon::entrypoint
