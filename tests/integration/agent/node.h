// A node with a real polygon-entrypoint, whose Patroni and helper program are shell scripts: what they are told to do
// they do at once.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/etcd/rebuild_state.h"
#include "common/postgres/data_directory.h"
#include "common/process/child.h"
#include "tests/support/scratch.h"

namespace polygon::entrypoint {

// Of the cluster in these tests.
const etcd::RebuildKeys& keys();

class Node {
  public:
    // With a data directory of generation g1, and a sealed clone of g2 that `polygon-bootstrap stage` or `copy` moves
    // to D.staged. `url` is etcd's.
    Node(std::string name, const std::string& url);

    const std::string& name() const { return name_; }
    const postgres::Places& places() const { return places_; }
    // Starts polygon-entrypoint; again if it has ended. `more` comes to this process's own environment.
    void start(const process::Environment& more = {});
    void signal(int number) const { entrypoint_->signal(number); }
    // Its exit status.
    int wait();
    pid_t pid() const { return entrypoint_->pid(); }

    bool is_patroni_running() const;
    // How often it was started.
    int patroni_starts() const;
    // It ends by itself with this status; or, when it is told to end, with that one.
    void end_patroni(int status) const;
    void let_patroni_end_with(int status) const;
    // It goes on when it is told to end, and has no child then.
    void let_patroni_hang() const;
    std::string generation() const;  // of D; "" if there is none
    // How its helper was called for proofs.
    std::string proofs() const;
    std::string log() const;

    // The record in etcd.
    std::optional<etcd::NodeRecord> record(etcd::Client& client) const;
    etcd::LeaseId lease(etcd::Client& client) const;

  private:
    void write_program(const std::string& name, const std::string& script) const;
    std::filesystem::path file(const std::string& name) const { return scratch_.path() / name; }

    support::Scratch scratch_;
    std::string name_;
    postgres::Places places_;
    std::optional<process::Child> entrypoint_;
};

}  // namespace polygon::entrypoint
