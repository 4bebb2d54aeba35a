// The node's agent: reads the coordinator's orders, decides, acts and tells, once a second; four times a second while a
// rebuild prepares its clones, ten times from the stop on. The guard is one part of it. Where etcd does not answer
// nothing is started or stopped.
#pragma once

#include <atomic>
#include <string>

#include "bootstrap/entrypoint/agent/disk.h"
#include "bootstrap/entrypoint/agent/disk_work.h"
#include "bootstrap/entrypoint/agent/helper.h"
#include "bootstrap/entrypoint/agent/journal.h"
#include "bootstrap/entrypoint/agent/next_task.h"
#include "bootstrap/entrypoint/agent/preflight.h"
#include "bootstrap/entrypoint/agent/proof_run.h"
#include "bootstrap/entrypoint/agent/publisher.h"
#include "bootstrap/entrypoint/guard/snapshot.h"
#include "bootstrap/entrypoint/supervisor/supervisor.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/patroni/configuration.h"
#include "common/postgres/data_directory.h"
#include "common/process/service_manager.h"

namespace polygon::entrypoint {

struct AgentSettings {
    patroni::Configuration configuration;
    patroni::ConfigurationSources sources;  // of that, and of the polygon section
    std::string helper_program;
    int postgres_major = 0;
};

class Agent {
  public:
    Agent(AgentSettings settings, Supervisor& supervisor, const process::ServiceManager& service_manager, Clock& clock);

    // Until stop(). The thread's death signal to Patroni and to helpers makes it live as long as they do.
    void run();
    void stop() { is_stopped_ = true; }

  private:
    void round();
    Status act(const Orders& orders);
    void note_attempt(const Orders& orders);
    void note_disk_work();
    Result<NodeSeen> look(const Orders& orders);
    void complain(const Error& error);
    std::chrono::seconds note_idle_stop(const NodeSeen& seen);
    Status refresh_disk(const Orders& orders);
    Result<OthersSeen> look_at_others_for(const Orders& orders);
    patroni::Previous previous_setting(const Orders& orders);

    void carry_out(const Orders& orders, const Step& step);
    Status try_task(const Orders& orders, Task task);
    Status start_helper(const Orders& orders, Task task);
    Status start_patroni(const std::string& serves);
    Status clear_initialize(const Orders& orders);
    Status stop_server();
    // Without a task it is the guard's.
    void work_on_disk(std::optional<Task> task, std::function<Status()> work);
    std::function<Status()> disk_work_of(Task task, const std::string& generation) const;

    void guard();
    void carry_out(const Decision& decision);

    bool shuts_down() const;
    etcd::NodeRecord make_record(const Orders& orders) const;
    std::optional<etcd::Answer> make_answer(const Orders& orders) const;
    std::chrono::milliseconds pause_after_round() const;

    const AgentSettings settings_;
    const std::string name_;
    const postgres::Places places_;
    const etcd::RebuildKeys keys_;
    Supervisor& supervisor_;
    Clock& clock_;
    etcd::Client etcd_;
    ClusterWatch cluster_;
    Publisher publisher_;
    Helper helper_;
    PreflightRun preflight_;
    ProofRun proof_;
    DiskWork disk_work_;
    Journal journal_;

    DiskSeen disk_;
    std::optional<Clock::Instant> disk_seen_;  // none: it has to be looked at anew
    Step step_;
    std::optional<etcd::KeyValue> initialize_;  // as look_at_others_for() has read it for the planned leader
    std::string source_;                        // of a copy: where the planned leader serves its staged clone
    bool is_busy_ = false;                      // the next round comes soon
    std::optional<Clock::Instant> guarded_;

    struct Failure {
        Attempt attempt;
        std::string error;
    };
    std::optional<Attempt> attempt_;  // the one that is under way
    Clock::Instant attempt_seen_;
    std::optional<Clock::Instant> idle_stop_seen_;  // since when, at every look
    std::optional<Failure> failure_;
    std::optional<Attempt> patroni_failed_in_;
    std::string patroni_serves_;
    std::string unusable_staged_;          // the generation of a copy whose seal is broken
    std::optional<Task> disk_task_;        // none: the guard's
    std::optional<Attempt> disk_attempt_;  // whose task it is; the phase may be another when it ends
    pid_t stopped_server_ = 0;
    std::optional<std::pair<Attempt, patroni::Previous>> previous_;

    std::atomic<bool> is_stopped_ = false;
};

}  // namespace polygon::entrypoint
