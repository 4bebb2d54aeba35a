// Real etcds on the loopback address, each in a directory of its own. Everything here throws std::runtime_error if etcd
// does not do as it should: a test can do nothing without it.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/process/child.h"

namespace polygon::etcd {

enum class Scheme { http, https };

// One etcd process, which may be a member of a cluster.
class Member {
  public:
    Member(std::string name, Scheme scheme, std::vector<std::string> arguments);
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member();

    const std::string& url() const { return url_; }
    // "one=http://127.0.0.1:2380": what --initial-cluster is made of.
    std::string peer() const { return name_ + "=" + peer_url_; }
    void launch(const std::string& initial_cluster);
    // Until it can be asked, which needs most of its cluster.
    void await() const;
    void stop();
    void signal(int number) const { child_->signal(number); }
    bool is_leader() const;

  private:
    bool is_healthy() const;

    std::filesystem::path directory_;
    std::string name_;
    std::string url_;
    std::string peer_url_;
    std::string health_url_;  // plain HTTP whatever the other is
    std::vector<std::string> arguments_;
    std::optional<process::Child> child_;
};

class Server {
  public:
    explicit Server(Scheme scheme = Scheme::http, std::vector<std::string> arguments = {});

    const std::string& url() const { return member_.url(); }
    // Stops it and starts it again on the same data: what it kept in memory is gone.
    void restart();
    void stop() { member_.stop(); }
    void start();

  private:
    Member member_;
};

// Three members, which go on while two of them do.
class Cluster {
  public:
    Cluster();

    std::vector<std::string> urls() const;
    // By the place of its URL in urls().
    Member& member(std::size_t index) { return *members_[index]; }
    std::size_t find_leader() const;

  private:
    std::array<std::unique_ptr<Member>, 3> members_;
};

}  // namespace polygon::etcd
