#include "bootstrap/restore/staging/serving.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "bootstrap/restore/preload.h"
#include "bootstrap/restore/staging/staging_role.h"
#include "common/base/ascii.h"
#include "common/fs/fd.h"

namespace polygon::bootstrap {
namespace {

// Each copy takes two: the files and the WAL. Patroni's own default is 10.
constexpr std::size_t kSenders = 10;
constexpr std::size_t kSendersPerCopy = 2;
constexpr int kFirstWithKeepSize = 13;

// Those of the user's parameters that pg_control keeps: a standby's may not be smaller.
bool is_kept_in_control_file(const std::string& name) {
    return name == "max_connections" || name == "max_prepared_transactions" || name == "max_locks_per_transaction" ||
           name == "track_commit_timestamp" || name == "wal_log_hints";
}

// Without brackets; empty for all addresses, which is no place to come to.
std::string host_of(const std::string& address) {
    const std::string first = address.substr(0, address.find(','));
    const std::size_t colon = first.rfind(':');
    const bool has_port = colon != std::string::npos && first.find(']', colon) == std::string::npos;
    std::string host = first.substr(0, has_port ? colon : std::string::npos);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return host == "*" || host == "0.0.0.0" || host == "::" ? "" : host;
}

bool is_on(const std::string& value) {
    const std::string lower = to_lower(value);
    return lower == "on" || lower == "true" || lower == "yes" || lower == "1";
}

bool is_path(const std::string& name) {
    return name.ends_with("_file") || name.ends_with("_dir");
}

struct FreeAddresses {
    void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};

Error unreachable(const std::string& host, const std::string& reason) {
    return {Errc::configuration, fmt::format("cannot listen on '{}' for replicas: {}", host, reason),
            "Let postgresql.connect_address name an address of this node, or set polygon.replicas to leader."};
}

}  // namespace

postgres::ServerParameters staging_parameters(const patroni::QuarantineSettings& settings,
                                              const postgres::Binaries& binaries,
                                              const postgres::GenerationMarker& marker, std::size_t members) {
    postgres::ServerParameters parameters;
    for (const auto& [name, value] : settings.parameters.value) {
        if (!is_kept_in_control_file(name)) parameters[name] = value;
    }
    parameters["shared_preload_libraries"] = choose_preload(settings, binaries, marker).libraries;
    parameters["cluster_name"] = "polygon-staging";
    parameters["max_connections"] = "20";
    parameters["max_wal_senders"] = std::to_string(std::max(kSenders, kSendersPerCopy * members));
    // What a copy lacks when it is started the leader has to have still.
    if (binaries.major_version >= kFirstWithKeepSize) {
        parameters["wal_keep_size"] = "1GB";
    } else {
        parameters["wal_keep_segments"] = "64";
    }
    return parameters;
}

Result<std::string> find_served_host(const patroni::PostgresqlSection& postgresql) {
    for (const std::string& address : {postgresql.connect_address, postgresql.listen}) {
        std::string host = host_of(address);
        if (!host.empty()) return host;
    }
    return Error{Errc::configuration, "no address is known at which replicas reach this node",
                 "Set postgresql.connect_address."};
}

Result<int> find_free_port(const std::string& host) {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int failed = getaddrinfo(host.c_str(), "0", &hints, &found); failed != 0)
        return unreachable(host, gai_strerror(failed));
    const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
    const fs::Fd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage bound = {};
    socklen_t length = sizeof bound;
    if (!socket.is_open() || ::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) {
        return unreachable(host, errno_error(Errc::io, "bind", errno).message);
    }
    if (bound.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(bound).sin6_port);
    return ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}

std::string format_address(const std::string& host, int port) {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

postgres::ServerParameters tls_parameters(const patroni::PostgresqlSection& postgresql) {
    const auto ssl = postgresql.parameters.find("ssl");
    if (ssl == postgresql.parameters.end() || !is_on(ssl->second)) return {};
    postgres::ServerParameters parameters = {{"ssl_cert_file", "server.crt"}, {"ssl_key_file", "server.key"}};
    for (const auto& [name, value] : postgresql.parameters) {
        if (name.starts_with("ssl")) parameters[name] = value;
    }
    parameters["ssl"] = "on";
    for (auto& [name, value] : parameters) {
        if (is_path(name) && !value.empty()) value = (postgresql.data_dir / value).string();
    }
    return parameters;
}

std::string staging_access(const postgres::ServerParameters& tls) {
    return fmt::format("{} replication {} all scram-sha-256\n", tls.empty() ? "host" : "hostssl", kStagingRole);
}

}  // namespace polygon::bootstrap
