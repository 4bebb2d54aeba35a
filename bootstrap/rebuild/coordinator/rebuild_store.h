// A rebuild in etcd: what the coordinator reads each round, and its transactions. Each compares the lock and the phase
// that it goes on from, so that it happens once, and never by two coordinators.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bootstrap/rebuild/cluster_store.h"
#include "bootstrap/rebuild/coordinator/view.h"
#include "common/base/result.h"
#include "common/etcd/client.h"
#include "common/etcd/lock.h"
#include "common/etcd/rebuild_keys.h"
#include "common/etcd/rebuild_state.h"
#include "common/etcd/stored.h"
#include "common/patroni/configuration.h"

namespace polygon::rebuild {

struct Situation {
    StoredCluster cluster;
    etcd::Stored<etcd::Plan> plan;
    etcd::Stored<etcd::PhaseRecord> phase;
    etcd::Stored<etcd::Generation> generation;
    std::map<std::string, etcd::Stored<etcd::NodeRecord>> nodes;  // values are never absent
    Order order = Order::none;
    std::int64_t order_revision = 0;  // 0: no order was there

    bool is_active() const { return etcd::is_active(plan.value, phase.value); }
};

// Plan and phase have to be there.
View make_view(const Situation& situation);

// How a transaction ended whose compares may fail without anybody being to blame.
enum class Attempt { done, changed_meanwhile };

class RebuildStore {
  public:
    explicit RebuildStore(const patroni::Configuration& configuration);

    // Every write of a coordinator that etcd refuses for good is Errc::needs_person, in etcd's own words; in begin()
    // Errc::refused.

    // Records of agents that make no sense are left out, as if the agents were gone. An order that is none is
    // Order::none and a warning, once. Errc::conflict for any other value.
    Result<Situation> look();
    Result<std::vector<etcd::HistoryRecord>> read_history();  // the oldest first

    // What the coordinator that holds the lock says of itself; nothing if nobody does.
    Result<std::optional<std::string>> read_holder();

    // Errc::conflict if a request of somebody else is there.
    // To rehearse: what they would do as well (the key `preflight`).
    Status ask(const etcd::ProofRequest& request, etcd::LeaseId lease);
    // Nobody else's: its own may have gone with its lease.
    Status withdraw_request(const etcd::ProofRequest& request);
    // A lease for a request by someone who holds no lock.
    Result<etcd::LeaseId> grant_lease(std::chrono::seconds ttl);

    // Plan and first phase; Errc::conflict if anything that the plan was made from has changed, or an order was given
    // meanwhile: it is for the rebuild before.
    Status begin(const etcd::Lock& lock, const Situation& seen, const etcd::Plan& plan, const etcd::PhaseRecord& first);
    // The same phase with a new attempt, by a coordinator that has just taken the lock. An order stays.
    Status resume(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next);

    // What follows changes the phase, and removes the order that was seen: it is obeyed with it, or came too late. An
    // order that has come since is nobody's yet: with it nothing happens, so that an abort never costs an outage.
    // Errc::conflict if somebody else holds the lock.

    // Another phase, or the same with an error.
    Result<Attempt> enter(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next);
    // `restore` of a polygon that was stopped and whose keys are there: a pause is taken out of `config`, under which
    // Patroni would not start PostgreSQL.
    Result<Attempt> restart(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next);
    // Saves and deletes the old cluster's keys and enters `bootstrap`, if all is as it was seen.
    Result<Attempt> clear(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next);
    // Deletes the new cluster's keys, puts the saved ones and the former generation back, and enters `restore`.
    Result<Attempt> put_back(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next);
    // The terminal phase with its history; what older rebuilds have left in etcd goes.
    Result<Attempt> finish(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& last,
                           const etcd::HistoryRecord& history, const std::string& verified_at);

    Status store_certificate(const etcd::Lock& lock, const std::string& json);

    // For the coordinator that holds the lock. It expires a minute after the last keep_order(). An abort does not
    // replace a rollback, which does the same and more.
    Result<etcd::LeaseId> give_order(Order order);
    Status keep_order(etcd::LeaseId given);
    // If it is still there; never the order of somebody else.
    Status withdraw_order(etcd::LeaseId given);

    const etcd::RebuildKeys& keys() const { return keys_; }

  private:
    Order understand_order(const std::string& text);
    etcd::Transaction on(const etcd::Lock& lock, const Situation& seen, const etcd::PhaseRecord& next) const;
    void require_all_stopped(const Situation& seen, etcd::Transaction& transaction) const;
    Result<Attempt> commit_as_holder(const etcd::Lock& lock, const etcd::Transaction& transaction);
    // A refusal of etcd's own, which asking again does not change, is the error `when_refused`.
    Status commit_or_conflict(const etcd::Transaction& transaction, const std::string& what,
                              Errc when_refused = Errc::needs_person);
    Result<Attempt> commit(const etcd::Transaction& transaction, Errc when_refused = Errc::needs_person);
    // What is saved of generations other than `kept`, and all but the last histories.
    Status prune(const etcd::Lock& lock, const std::set<std::string>& kept);

    std::string cluster_prefix_;
    etcd::RebuildKeys keys_;
    std::string unknown_order_;  // that was warned of
    etcd::Client client_;
};

}  // namespace polygon::rebuild
