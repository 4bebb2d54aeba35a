#include "tests/integration/etcd/server.h"

#include <fstream>
#include <iostream>
#include <stdexcept>
#include <utility>

#include <stdlib.h>

#include "common/http/client.h"
#include "tests/unit/http/test_server.h"

namespace polygon::etcd {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongest = 60s;

std::filesystem::path make_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "polygon-etcd.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create a directory");
    return name;
}

bool says(const std::string& url, const std::string& text) {
    http::Client client;
    const auto response = client.send({.url = url});
    return response && response->body.find(text) != std::string::npos;
}

}  // namespace

Member::Member(std::string name, Scheme scheme, std::vector<std::string> arguments)
    : directory_(make_directory()),
      name_(std::move(name)),
      url_((scheme == Scheme::https ? "https://" : "http://") + http::dead_host()),
      peer_url_("http://" + http::dead_host()),
      health_url_("http://" + http::dead_host()),
      arguments_(std::move(arguments)) {}

Member::~Member() {
    child_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void Member::launch(const std::string& initial_cluster) {
    process::Command command;
    command.argv = {"etcd",
                    "--name=" + name_,
                    "--data-dir=" + (directory_ / "data").string(),
                    "--listen-client-urls=" + url_,
                    "--advertise-client-urls=" + url_,
                    "--listen-metrics-urls=" + health_url_,
                    "--listen-peer-urls=" + peer_url_,
                    "--initial-advertise-peer-urls=" + peer_url_,
                    "--initial-cluster=" + initial_cluster};
    command.argv.insert(command.argv.end(), arguments_.begin(), arguments_.end());
    command.output_file = directory_ / "log";
    auto child = process::Child::start(command);
    if (!child) throw std::runtime_error(child.error().message);
    child_ = std::move(*child);
}

void Member::await() const {
    if (wait_until(system_clock(), Deadline(system_clock(), kLongest), 50ms, [&] { return is_healthy(); })) return;
    std::cerr << std::ifstream(directory_ / "log").rdbuf();
    throw std::runtime_error("etcd does not come up");
}

void Member::stop() {
    child_->signal(SIGTERM);
    if (!child_->wait(system_clock(), Deadline(system_clock(), kLongest)))
        throw std::runtime_error("etcd does not stop");
}

bool Member::is_leader() const {
    return says(health_url_ + "/metrics", "\netcd_server_is_leader 1\n");
}

bool Member::is_healthy() const {
    return says(health_url_ + "/health", "true");
}

Server::Server(Scheme scheme, std::vector<std::string> arguments) : member_("one", scheme, std::move(arguments)) {
    start();
}

void Server::restart() {
    stop();
    start();
}

void Server::start() {
    member_.launch(member_.peer());
    member_.await();
}

Cluster::Cluster() {
    std::string all;
    for (std::size_t index = 0; index < members_.size(); ++index) {
        members_[index] =
            std::make_unique<Member>("m" + std::to_string(index), Scheme::http, std::vector<std::string>());
        all += (all.empty() ? "" : ",") + members_[index]->peer();
    }
    for (const auto& member : members_)
        member->launch(all);
    for (const auto& member : members_)
        member->await();
}

std::vector<std::string> Cluster::urls() const {
    std::vector<std::string> urls;
    for (const auto& member : members_)
        urls.push_back(member->url());
    return urls;
}

std::size_t Cluster::find_leader() const {
    for (std::size_t index = 0; index < members_.size(); ++index) {
        if (members_[index]->is_leader()) return index;
    }
    throw std::runtime_error("etcd has no leader");
}

}  // namespace polygon::etcd
