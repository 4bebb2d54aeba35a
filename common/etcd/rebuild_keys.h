// What pg-polygon itself keeps in etcd, under /<namespace>/<scope>.polygon/: names of the keys. Their values are in
// rebuild_state.h.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace polygon::etcd {

class RebuildKeys {
  public:
    // `cluster_prefix` is Patroni's own: "/service/main/".
    explicit RebuildKeys(std::string_view cluster_prefix);

    const std::string& prefix() const { return prefix_; }
    std::string plan() const { return prefix_ + "plan"; }
    std::string phase() const { return prefix_ + "phase"; }
    // A request to every agent to say what it would do: {"id": …} under the asker's lease.
    std::string preflight() const { return prefix_ + "preflight"; }
    // A request to every agent to prove what its server is and whom it lets in: ProofRequest, under the asker's lease.
    std::string proof() const { return prefix_ + "proof"; }
    // A prefix of the four above and of nothing else: agents get what they obey in one read.
    std::string orders() const { return prefix_ + "p"; }
    std::string nodes() const { return prefix_ + "nodes/"; }
    std::string node(const std::string& member) const { return nodes() + member; }
    // Held by the one coordinator, under its lease.
    std::string lock() const { return prefix_ + "lock"; }
    // "abort" or "rollback", asked of the coordinator that holds the lock.
    std::string order() const { return prefix_ + "order"; }
    std::string generation() const { return prefix_ + "generation"; }
    std::string certificate() const { return prefix_ + "certificate"; }
    std::string histories() const { return prefix_ + "history/"; }
    std::string history(const std::string& generation) const { return histories() + generation; }
    // Where a deleted key of the cluster is kept, by the generation that replaced it.
    std::string saved(const std::string& generation, const std::string& relative_key) const {
        return prefix_ + "saved/" + generation + "/" + relative_key;
    }

  private:
    std::string prefix_;
};

// "20261120T030000Z-7f3a": sorts by its second, and two of one second are told apart by a fraction of it.
std::string make_generation_name(std::chrono::system_clock::time_point now);

}  // namespace polygon::etcd
