// What this node proves of its own server while somebody wants to know: the JSON of `polygon-bootstrap prove`, taken
// again and again, since whom a replica follows changes meanwhile.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/entrypoint/agent/helper_run.h"
#include "bootstrap/entrypoint/agent/seen.h"
#include "common/base/clock.h"
#include "common/etcd/node_proof.h"

namespace polygon::entrypoint {

// follow: whom the server follows, in phase `replicas`. verify: the certificate. rehearse: what both will need.
enum class ProofKind { follow, verify, rehearse };

struct WantedProof {
    std::string id;  // empty: nobody wants one
    ProofKind kind = ProofKind::follow;

    bool operator==(const WantedProof&) const = default;
};

// Pure: by the phase of a rebuild that this member takes part in, else by the request.
WantedProof wanted_proof(const Orders& orders, const std::string& member);

// Pure: how the helper is called, after what it has said already: a certificate's evidence is collected once, and a
// login that was let in is not tried again.
std::vector<std::string> proof_arguments(ProofKind kind, const std::optional<etcd::NodeProof>& last);

// Pure: a new proof, with what was not asked for again.
etcd::NodeProof completed(etcd::NodeProof now, const std::optional<etcd::NodeProof>& last);

class ProofRun {
  public:
    ProofRun(Supervisor& supervisor, std::string program, std::optional<std::filesystem::path> configuration,
             Clock& clock)
        : supervisor_(supervisor),
          program_(std::move(program)),
          configuration_(std::move(configuration)),
          clock_(clock) {}

    void follow(const WantedProof& wanted);
    bool is_asked() const { return !wanted_.id.empty(); }
    // For the node's record; none while there is nothing to say.
    const std::optional<etcd::NodeProof>& proof() const { return proof_; }

  private:
    void begin();
    void give_up();
    void poll();
    void note(etcd::NodeProof proof);
    void fail(std::string error);
    std::chrono::milliseconds pause() const;

    Supervisor& supervisor_;
    const std::string program_;
    const std::optional<std::filesystem::path> configuration_;
    Clock& clock_;
    WantedProof wanted_;
    Clock::Instant wanted_since_;
    Clock::Instant begun_;  // the last run
    Clock::Instant ended_;
    std::string running_for_;
    std::optional<HelperRun> run_;
    std::optional<etcd::NodeProof> proof_;
};

}  // namespace polygon::entrypoint
