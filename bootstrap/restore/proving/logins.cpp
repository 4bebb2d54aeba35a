#include "bootstrap/restore/proving/logins.h"

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/fs/fd.h"
#include "common/postgres/connection.h"
#include "common/postgres/data_directory.h"
#include "common/postgres/ping.h"

namespace polygon::bootstrap {
namespace {

using namespace std::chrono_literals;
using postgres::Connection;
using postgres::ConnectionParameters;

constexpr const char* kConnectTimeout = "5";  // seconds
constexpr int kMoreTries = 10;                // of a server that is full
constexpr auto kPause = 300ms;
constexpr const char* kRejection = "pg_hba.conf";  // a file's name, in every language of the server's messages

struct FreeAddresses {
    void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};

// As which address this host calls that one: nothing is sent for it.
std::optional<std::string> own_address_towards(const std::string& host, const std::string& port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return std::nullopt;
    const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
    const fs::Fd socket(::socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open() || ::connect(socket.get(), found->ai_addr, found->ai_addrlen) != 0) return std::nullopt;
    sockaddr_storage own{};
    socklen_t length = sizeof(own);
    std::array<char, NI_MAXHOST> name{};
    auto* address = reinterpret_cast<sockaddr*>(&own);
    if (getsockname(socket.get(), address, &length) != 0 ||
        getnameinfo(address, length, name.data(), name.size(), nullptr, 0, NI_NUMERICHOST) != 0)
        return std::nullopt;
    return fmt::format("{}/{}", name.data(), own.ss_family == AF_INET6 ? 128 : 32);
}

std::string method_of(const patroni::Credentials& credentials) {
    return credentials.password.is_empty() && credentials.connection.contains("sslcert") ? "cert" : "scram-sha-256";
}

// For pg_hba.conf, where a quote within quotes is doubled; `all` for libpq's default.
std::string quoted(const std::string& name) {
    if (name.empty()) return "all";
    std::string text = "\"";
    for (const char c : name)
        text += c == '"' ? std::string(2, c) : std::string(1, c);
    return text + "\"";
}

struct Target {
    std::string role;
    std::string member;
    std::string address;
    patroni::Credentials credentials;
    std::string database;
};

ConnectionParameters parameters_for(const Target& target) {
    const auto& credentials = target.credentials;
    ConnectionParameters parameters = postgres::at_address(target.address, credentials.username, credentials.password,
                                                           target.database, credentials.connection);
    parameters.key_password = credentials.key_password;
    if (credentials.username.empty()) parameters.keywords.erase("user");
    if (target.role == "replication") parameters.keywords["replication"] = "true";
    parameters.keywords["connect_timeout"] = kConnectTimeout;
    return parameters;
}

std::string missing_line(const Target& target, const ConnectionParameters& parameters) {
    const auto from = own_address_towards(parameters.keywords.at("host"), parameters.keywords.at("port"));
    return fmt::format("{} {} {} {} {}", method_of(target.credentials) == "cert" ? "hostssl" : "host",
                       target.role == "replication" ? "replication" : quoted(target.database),
                       quoted(target.credentials.username), from.value_or("samenet"), method_of(target.credentials));
}

Status try_one(const Target& target, const ConnectionParameters& parameters) {
    Connection session = TRY(Connection::open(parameters));
    if (target.role == "replication") TRY(session.command("IDENTIFY_SYSTEM"));
    return {};
}

void note_refusal(etcd::Login& login, const ConnectionParameters& parameters) {
    login.is_full = Connection::is_refused_as_full(parameters);
    login.is_refused = !login.is_full && postgres::ping(parameters) == postgres::Reachability::accepts;
}

etcd::Login try_login(const Target& target) {
    const ConnectionParameters parameters = parameters_for(target);
    etcd::Login login{
        .role = target.role, .user = target.credentials.username, .member = target.member, .address = target.address};
    Status tried = try_one(target, parameters);
    // max_wal_senders may leave one place, and every node tries at the same time.
    for (int i = 0; i < kMoreTries && !tried && Connection::is_refused_as_full(parameters); ++i) {
        system_clock().sleep(kPause);
        tried = try_one(target, parameters);
    }
    if (tried) return login;
    login.error = tried.error().message;
    note_refusal(login, parameters);
    if (login.error.find(kRejection) != std::string::npos) login.hba_line = missing_line(target, parameters);
    return login;
}

}  // namespace

std::vector<etcd::Login> try_logins(const patroni::Configuration& configuration, const patroni::ClusterKeys& cluster) {
    std::vector<std::future<etcd::Login>> attempts;
    const auto begin = [&](const std::string& role, const patroni::MemberKey& member,
                           const patroni::Credentials& credentials) {
        const Target target{.role = role,
                            .member = member.name,
                            .address = patroni::address_in(member.conn_url),
                            .credentials = credentials,
                            .database = configuration.postgresql.database};
        if (!target.address.empty()) attempts.push_back(std::async(std::launch::async, try_login, target));
    };
    for (const patroni::MemberKey& member : cluster.members) {
        begin("replication", member, configuration.postgresql.replication);
        if (configuration.postgresql.rewind) begin("rewind", member, *configuration.postgresql.rewind);
    }
    std::vector<etcd::Login> logins;
    for (std::future<etcd::Login>& attempt : attempts)
        logins.push_back(attempt.get());
    return logins;
}

etcd::Login local_login(const patroni::Configuration& configuration, const patroni::LocalConnection& local,
                        const std::string& database, const std::string& error) {
    const patroni::Credentials& superuser = configuration.postgresql.superuser;
    etcd::Login login{.role = "superuser",
                      .user = superuser.username,
                      .member = configuration.name,
                      .address = local.address(),
                      .error = error};
    if (error.empty()) return login;
    ConnectionParameters parameters{
        .keywords = local.keywords,
        .password = local.password,
        .key_password = local.key_password,
        .host_is = local.is_by_socket() ? postgres::HostIs::socket_directory : postgres::HostIs::one_server};
    // It may be let in this time, and is a superuser's session then.
    constexpr int kFirstWithLoginTriggers = 17;
    const auto major = postgres::read_major_version(configuration.postgresql.data_dir);
    parameters.keywords["options"] = postgres::shielding_options(major.value_or(kFirstWithLoginTriggers));
    note_refusal(login, parameters);
    if (error.find(kRejection) == std::string::npos) return login;
    const std::string user = quoted(superuser.username);
    login.hba_line = local.is_by_socket()
                         ? fmt::format("local {} {} {}", quoted(database), user,
                                       local.password.is_empty() ? "peer" : "scram-sha-256")
                         : fmt::format("host {} {} localhost {}", quoted(database), user, method_of(superuser));
    return login;
}

}  // namespace polygon::bootstrap
