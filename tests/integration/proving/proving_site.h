// PostgreSQL servers without Patroni whose superuser is let in by the Unix socket and peer alone; etcd has the keys
// that Patroni would have written for them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/etcd/client.h"
#include "common/etcd/node_proof.h"
#include "common/postgres/generation_marker.h"
#include "common/process/child.h"
#include "tests/integration/etcd/server.h"
#include "tests/support/workspace.h"

namespace polygon::proving {

inline const std::string kPrefix = "/service/main/";

class Site {
  public:
    Site();

    // A primary of this generation, with its row in polygon.refresh; it holds the leader key.
    void start_primary(const std::string& name, const std::string& generation);
    // A copy of `source` that streams from it, with these settings more.
    void start_standby(const std::string& name, const std::string& source,
                       const std::vector<std::string>& settings = {});

    etcd::NodeProof prove(const std::string& name, std::vector<std::string> arguments = {});
    // Proofs until one is as it should be; the last one if none is within a minute.
    template <class Condition>
    etcd::NodeProof prove_until(const std::string& name, Condition&& condition) {
        etcd::NodeProof proof;
        wait_until(system_clock(), Deadline(system_clock(), std::chrono::seconds(60)), std::chrono::milliseconds(50),
                   [&] {
                       proof = prove(name);
                       return condition(proof);
                   });
        return proof;
    }
    std::string query(const std::string& name, const std::string& sql);
    // A pg_basebackup that waits for a checkpoint at the server's leisure.
    process::Child start_patient_copy(const std::string& source);
    // In place of the whole file, in force at once.
    void set_hba(const std::string& name, const std::string& lines);
    void configure(const std::string& name, const std::string& authentication);
    void put(const std::string& relative_key, const std::string& value);
    std::string address(const std::string& name) const;
    std::filesystem::path data(const std::string& name) const { return workspace_->path() / name / "data"; }
    std::string read_certificate(const std::string& name) const;
    const std::string& superuser() const { return superuser_; }
    etcd::Client& client() { return client_; }

    std::string peer_only() const;  // lines of pg_hba.conf
    std::string by_peer() const;    // of the configuration

  private:
    void start(const std::string& name, const std::vector<std::string>& settings);
    std::string run(std::vector<std::string> argv, const process::Environment& more = {});
    void own(const std::string& name);

    etcd::Server etcd_;
    etcd::Client client_;
    std::unique_ptr<support::Workspace> workspace_;
    std::string superuser_;
    std::string sockets_;
    std::map<std::string, int> ports_;
    std::map<std::string, process::Child> servers_;
};

}  // namespace polygon::proving
