#include "tests/support/plain_server.h"

#include <chrono>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "tests/support/ports.h"
#include "tests/support/waiting.h"

namespace polygon::support {

using namespace std::chrono_literals;

Result<PlainServer> PlainServer::make(Workspace& workspace, const std::string& name, Login superuser) {
    std::filesystem::path made = TRY(workspace.make_directory(name));
    const int port = TRY(free_port());
    PlainServer server(workspace, std::move(made), std::move(superuser), port);
    TRY(server.make_data_directory());
    return server;
}

PlainServer::PlainServer(Workspace& workspace, std::filesystem::path directory, Login superuser, int port)
    : workspace_(&workspace), directory_(std::move(directory)), superuser_(std::move(superuser)), port_(port) {}

Status PlainServer::make_data_directory() const {
    const std::filesystem::path password = directory_ / "password";
    TRY(fs::replace_file(password, superuser_.password + "\n"));
    TRY(workspace_->account().give(password));
    const process::Command initdb = workspace_->tool(
        {(workspace_->postgres_bin() / "initdb").string(), "--pgdata=" + data(), "--username=" + superuser_.user,
         "--pwfile=" + password.string(), "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"},
        workspace_->environment(directory_));
    TRY(process::run_checked(initdb, system_clock(), Deadline(system_clock(), 120s)));
    return fs::remove_file(password);
}

Status PlainServer::start() {
    ServerCommand command = {.argv = {(workspace_->postgres_bin() / "postgres").string(), "-D", data()},
                             .environment = workspace_->environment(directory_),
                             .directory = directory_,
                             .log = log()};
    for (const std::string& option : {std::string("listen_addresses=127.0.0.1"), fmt::format("port={}", port_),
                                      std::string("unix_socket_directories="), std::string("wal_level=logical"),
                                      std::string("log_connections=on"), std::string("fsync=off")}) {
        command.argv.insert(command.argv.end(), {"-c", option});
    }
    child_ = TRY(process::Child::start(workspace_->server(command)));
    return wait_for(fmt::format("PostgreSQL in '{}'", directory_.string()), 120s, [this]() -> Status {
        TRY(connect());
        return {};
    });
}

Result<Database> PlainServer::connect() const {
    return Database::connect({.port = port_}, superuser_);
}

std::optional<pid_t> PlainServer::pid() const {
    return child_ ? std::optional<pid_t>(child_->pid()) : std::nullopt;
}

void PlainServer::release() {
    if (child_) child_->release();
}

}  // namespace polygon::support
