#include "tests/integration/etcd/server.h"

#include <fstream>
#include <iostream>
#include <stdexcept>

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

}  // namespace

Server::Server()
    : directory_(make_directory()), url_("http://" + http::dead_host()), peer_url_("http://" + http::dead_host()) {
    start();
}

Server::~Server() {
    child_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void Server::restart() {
    stop();
    start();
}

void Server::stop() {
    child_->signal(SIGTERM);
    if (!child_->wait(system_clock(), Deadline(system_clock(), kLongest)))
        throw std::runtime_error("etcd does not stop");
}

void Server::start() {
    process::Command command;
    command.argv = {"etcd",
                    "--name=one",
                    "--data-dir=" + (directory_ / "data").string(),
                    "--listen-client-urls=" + url_,
                    "--advertise-client-urls=" + url_,
                    "--listen-peer-urls=" + peer_url_,
                    "--initial-advertise-peer-urls=" + peer_url_,
                    "--initial-cluster=one=" + peer_url_};
    command.output_file = directory_ / "log";
    auto child = process::Child::start(command);
    if (!child) throw std::runtime_error(child.error().message);
    child_ = std::move(*child);
    if (wait_until(system_clock(), Deadline(system_clock(), kLongest), 50ms, [&] { return is_healthy(); })) return;
    std::cerr << std::ifstream(command.output_file).rdbuf();
    throw std::runtime_error("etcd does not come up");
}

bool Server::is_healthy() const {
    http::Client client;
    const auto response = client.send({.url = url_ + "/health"});
    return response && response->body.find("true") != std::string::npos;
}

}  // namespace polygon::etcd
