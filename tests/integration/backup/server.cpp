#include "tests/integration/backup/server.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "tests/support/catch.h"

namespace polygon::backup::test {
namespace {

using namespace std::chrono_literals;

Deadline soon() {
    return Deadline(system_clock(), 120s);
}

fs::Path binary_directory() {
    fs::Path newest;
    int major = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql")) {
        const int candidate = std::atoi(entry.path().filename().c_str());
        if (candidate > major) newest = entry.path() / "bin";
        major = std::max(major, candidate);
    }
    REQUIRE(major > 0);
    return newest;
}

std::vector<std::string> command_line(const std::string& program, const std::vector<std::string>& arguments) {
    std::vector<std::string> argv;
    if (::geteuid() == 0) argv = {"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"};
    argv.push_back(binary_directory() / program);
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return argv;
}

}  // namespace

Workspace::Workspace() {
    std::string name = "/tmp/polygon-integration-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
    hand_over();
}

Workspace::~Workspace() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void Workspace::hand_over() const {
    if (::geteuid() != 0) return;
    const passwd* user = ::getpwnam("postgres");
    REQUIRE(user != nullptr);
    REQUIRE(::lchown(path_.c_str(), user->pw_uid, user->pw_gid) == 0);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
        REQUIRE(::lchown(entry.path().c_str(), user->pw_uid, user->pw_gid) == 0);
    }
}

fs::Path Workspace::make_directory(const std::string& name) const {
    std::filesystem::create_directories(path_ / name);
    hand_over();
    return path_ / name;
}

std::string run_postgres(const std::string& program, const std::vector<std::string>& arguments) {
    const auto done =
        process::run_checked({.argv = command_line(program, arguments), .directory = "/tmp"}, system_clock(), soon());
    if (!done.has_value()) FAIL(done.error().message);
    return done->out;
}

process::Finished try_postgres(const std::string& program, const std::vector<std::string>& arguments) {
    const auto done =
        process::run({.argv = command_line(program, arguments), .directory = "/tmp"}, system_clock(), soon());
    if (!done.has_value()) FAIL(done.error().message);
    return *done;
}

int installed_major() {
    return std::atoi(binary_directory().parent_path().filename().c_str());
}

Server::Server(const Workspace& workspace, const fs::Path& data)
    : socket_directory_(workspace.make_directory("socket-" + data.filename().string())) {
    const fs::Path hba = workspace / "pg_hba.conf";
    const fs::Path configuration = workspace / "postgresql.conf";
    REQUIRE(fs::write_file_durably(hba, "local all all trust\nlocal replication all trust\n").has_value());
    REQUIRE(fs::write_file_durably(configuration, "listen_addresses = ''\nfsync = off\n").has_value());
    workspace.hand_over();
    auto started = process::Child::start(
        {.argv = command_line(
             "postgres", {"-D", data, "-c", "config_file=" + configuration.string(), "-c", "hba_file=" + hba.string(),
                          "-c", "unix_socket_directories=" + socket_directory_.string()}),
         .directory = "/tmp",
         .output_file = workspace / (data.filename().string() + ".log"),
         .death_signal = SIGQUIT});
    REQUIRE(started.has_value());
    postmaster_ = std::move(*started);
    const bool answers = wait_until(system_clock(), soon(), 50ms, [&] {
        if (postmaster_->poll()) return true;  // it will never answer
        const auto asked =
            process::run({.argv = command_line("pg_isready", {"-h", socket_directory_})}, system_clock(), soon());
        return asked.has_value() && asked->exit_status == 0;
    });
    const bool runs = answers && !postmaster_->poll();
    if (!runs) std::cerr << *fs::read_file(workspace / (data.filename().string() + ".log"));
    REQUIRE(runs);
}

Server::~Server() {
    postmaster_->signal(SIGINT);
    if (!postmaster_->wait(system_clock(), soon()).has_value()) std::cerr << "the server does not stop\n";
}

std::string Server::query(const std::string& sql) const {
    return run_postgres("psql",
                        {"-h", socket_directory_, "-U", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql});
}

void Server::base_backup(const fs::Path& directory, const std::vector<std::string>& options) const {
    std::vector<std::string> arguments = {"-h", socket_directory_, "-U", "postgres", "-c", "fast", "-D", directory};
    arguments.insert(arguments.end(), options.begin(), options.end());
    run_postgres("pg_basebackup", arguments);
}

}  // namespace polygon::backup::test
