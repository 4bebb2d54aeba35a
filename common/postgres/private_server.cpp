#include "common/postgres/private_server.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <unistd.h>

#include "common/base/ascii.h"
#include "common/fs/file.h"

namespace polygon::postgres {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLogTailBytes = 3000;
constexpr int kNewestMajorVersion = 18;  // whose parameters are all known here

// In PostgreSQL's configuration files a quote in a value is doubled, and a backslash too.
std::string quote_setting(const std::string& value) {
    std::string quoted = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') quoted += c;
        quoted += c;
    }
    return quoted + "'";
}

ServerParameters isolating_parameters(const std::filesystem::path& directory,
                                      const std::filesystem::path& data_directory, int major_version) {
    ServerParameters parameters = {
        {"data_directory", data_directory.string()},
        {"hba_file", (directory / "pg_hba.conf").string()},
        {"ident_file", (directory / "pg_ident.conf").string()},
        {"unix_socket_directories", directory.string()},
        {"unix_socket_permissions", "0700"},
        {"listen_addresses", ""},
        {"port", ""},
        {"cluster_name", "polygon-quarantine"},
        {"ssl", "off"},
        {"archive_mode", "off"},
        {"wal_level", "replica"},
        {"max_wal_senders", "0"},
        {"max_replication_slots", "1000"},  // recovery needs room for the replication origins of a subscriber
        {"max_logical_replication_workers", "0"},
        {"max_worker_processes", "0"},
        {"max_parallel_workers", "0"},
        {"autovacuum", "off"},
        {"jit", "off"},
        {"hot_standby", "off"},
        {"shared_preload_libraries", ""},
        {"session_preload_libraries", ""},
        {"local_preload_libraries", ""},
        {"logging_collector", "off"},
        {"log_destination", "stderr"},
        {"log_statement", "none"},
        {"log_min_error_statement", "panic"},
        {"log_error_verbosity", "terse"},  // DETAIL and CONTEXT hold values of rows
        {"lc_messages", "C"},
        {"restart_after_crash", "off"},
        {"statement_timeout", "0"},
        {"default_transaction_read_only", "off"},
    };
    if (major_version >= 17) parameters["event_triggers"] = "off";
    if (major_version >= 18) {
        parameters["max_active_replication_origins"] = "1000";
        parameters["io_method"] = "sync";  // io_uring makes sockets too, and a socket filter has none
    }
    return parameters;
}

std::string render(const ServerParameters& parameters) {
    std::string text;
    for (const auto& [name, value] : parameters)
        text += fmt::format("{} = {}\n", name, quote_setting(value));
    return text;
}

// A socket's path has to fit in sockaddr_un: 107 bytes and a NUL.
constexpr std::size_t kLongestSocketPath = 107;

enum class Place { in_data_directory, elsewhere };

Result<std::filesystem::path> make_private_directory(const std::filesystem::path& data_directory, Place place) {
    const char* temporary = std::getenv("TMPDIR");
    std::string path = (data_directory / "polygon-quarantine-XXXXXX").string();
    const auto holds_comma = [](const std::string& text) { return text.find(',') != std::string::npos; };
    if (place == Place::elsewhere || holds_comma(path) ||
        path.size() + std::string_view("/.s.PGSQL.5432.lock").size() > kLongestSocketPath) {
        path = fmt::format("{}/polygon-XXXXXX", temporary != nullptr ? temporary : "/tmp");
    }
    if (holds_comma(path)) {  // PostgreSQL and libpq would take it for several
        return Error{Errc::configuration, fmt::format("a socket's directory cannot be '{}'", path),
                     "Set TMPDIR to a directory without a comma in its path."};
    }
    if (mkdtemp(path.data()) == nullptr) {
        return errno_error(Errc::io, fmt::format("cannot create a private directory '{}'", path), errno,
                           "Set TMPDIR to a directory that can be written.");
    }
    return std::filesystem::path(path);
}

}  // namespace

namespace {

// With these a damaged or half-recovered clone would look whole (recovery that ends early, a failed flush that is tried
// again, pages that are passed over), a file be written elsewhere, a statement of ours be read differently.
const std::set<std::string> kProtecting = {
    "data_sync_retry",           "zero_damaged_pages",          "ignore_checksum_failure",
    "vacuum_defer_cleanup_age",  // dead rows would survive their table's rewriting (before 16)
    "ignore_invalid_pages",      "promote_trigger_file",        "external_pid_file",
    "oauth_validator_libraries", "standard_conforming_strings", "db_user_namespace"};

bool is_parameter_name(const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
               c == '$';
    });
}

}  // namespace

bool is_isolating(const std::string& parameter) {
    if (!is_parameter_name(parameter)) return true;  // it would be written into a file, line feed and all
    if (parameter == "shared_preload_libraries") return false;
    const std::string name = to_lower(parameter);  // as PostgreSQL does (guc.c, guc_name_compare)
    for (const std::string prefix : {"archive_", "recovery_", "primary_", "include", "ssl"}) {
        if (name.starts_with(prefix)) return true;
    }
    return name.ends_with("_command") || kProtecting.contains(name) ||
           isolating_parameters({}, {}, kNewestMajorVersion).contains(name);
}

Result<PrivateServer> PrivateServer::prepare(const Binaries& binaries, const std::filesystem::path& data_directory,
                                             const ServerParameters& parameters, process::Isolation isolation,
                                             const std::optional<Listening>& listening) {
    const std::filesystem::path directory =
        TRY(make_private_directory(data_directory, listening ? Place::elsewhere : Place::in_data_directory));
    PrivateServer server(binaries, data_directory, directory, listening);
    TRY(fs::write_file_durably(server.directory_ / "pg_hba.conf",
                               "local all all trust\n" + (listening ? listening->access : "")));
    TRY(fs::write_file_durably(server.directory_ / "pg_ident.conf", ""));
    TRY(server.change(parameters, isolation));
    return server;
}

Status PrivateServer::change(const ServerParameters& parameters, process::Isolation isolation) {
    isolation_ = isolation;
    ServerParameters all = isolating_parameters(directory_, data_directory_, binaries_.major_version);
    if (listening_) all["listen_addresses"] = listening_->host;
    all["port"] = port();
    for (const auto& [name, value] : parameters)
        all[name] = value;
    return fs::write_file_durably(directory_ / "postgresql.conf", render(all));
}

PrivateServer::~PrivateServer() {
    if (directory_.empty()) return;
    if (server_) {
        server_->signal(SIGQUIT);  // immediate: the postmaster ends its children too
        (void)server_->wait(system_clock(), Deadline(system_clock(), 10s));
        server_.reset();
    }
    (void)fs::remove_tree(directory_);
}

Status PrivateServer::start(Clock& clock, const Deadline& deadline) {
    server_ = std::make_unique<process::Child>(TRY(process::Child::start(
        {.argv = {binaries_.program("postgres"), "-c", "config_file=" + (directory_ / "postgresql.conf").string()},
         .environment = clean_environment(),
         .output_file = directory_ / "server.log",
         .death_signal = SIGQUIT,
         .isolation = isolation_})));
    TRY(require_no_address_in_environment());  // PQpingParams() goes by it too
    const std::string host = directory_.string();
    const std::string socket_port = port();
    const std::array<const char*, 4> keywords = {"host", "port", "dbname", nullptr};
    const std::array<const char*, 4> values = {host.c_str(), socket_port.c_str(), "postgres", nullptr};
    bool has_ended = false;
    const bool is_ready = wait_until(clock, deadline, 50ms, [&] {
        has_ended = server_->poll().has_value();
        return has_ended || PQpingParams(keywords.data(), values.data(), 0) == PQPING_OK;
    });
    if (is_ready && !has_ended) return {};
    const std::string tail = log_tail();
    if (!has_ended) {
        return Error{Errc::timeout, fmt::format("PostgreSQL did not come up in the quarantine in time: {}", tail),
                     "Raise quarantine.timeout if recovery needs longer."};
    }
    return Error{Errc::process_failed,
                 fmt::format("PostgreSQL ended with status {} in the quarantine: {}", *server_->poll(), tail),
                 "Its own message says why; the backup may lack WAL that it needs."};
}

bool PrivateServer::has_ended() {
    return server_->poll().has_value();
}

Status PrivateServer::stop(Clock& clock, const Deadline& deadline) {
    server_->signal(SIGINT);
    const int status = TRY(server_->wait(clock, deadline));
    server_.reset();
    if (status == 0) return {};
    return Error{
        Errc::process_failed,
        fmt::format("PostgreSQL ended with status {} when it was shut down in the quarantine: {}", status, log_tail()),
        ""};
}

Result<Connection> PrivateServer::connect(const std::string& user, const std::string& database) const {
    std::map<std::string, std::string> keywords = address(user);
    keywords["dbname"] = database;
    return Connection::open_shielded({.keywords = std::move(keywords), .host_is = HostIs::socket_directory},
                                     binaries_.major_version);
}

std::map<std::string, std::string> PrivateServer::address(const std::string& user) const {
    return {{"host", directory_.string()}, {"port", port()}, {"user", user}};
}

// Of the socket's name too.
std::string PrivateServer::port() const {
    return listening_ ? std::to_string(listening_->port) : "5432";
}

Status PrivateServer::run_single(const std::string& statement, Clock& clock, const Deadline& deadline) {
    if (statement.find('\n') != std::string::npos) {
        return Error{Errc::internal, "a statement for single-user mode holds a line feed", ""};
    }
    TRY(process::run_checked(
        {.argv = {binaries_.program("postgres"), "--single", "-c",
                  "config_file=" + (directory_ / "postgresql.conf").string(), "-c", "exit_on_error=on", "template1"},
         .environment = clean_environment(),
         .input = statement + "\n",
         .death_signal = SIGQUIT,
         .isolation = isolation_},
        clock, deadline));
    return {};
}

std::string PrivateServer::log_tail() const {
    std::string text = fs::read_file(directory_ / "server.log").value_or("");
    if (text.size() > kLogTailBytes) text.erase(0, text.size() - kLogTailBytes);
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

}  // namespace polygon::postgres
