#include "common/postgres/connection.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include "common/base/clock.h"
#include "common/base/printable.h"
#include "common/postgres/conninfo.h"

namespace polygon::postgres {
namespace {

struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, Clear>;

std::string trimmed(const char* text) {
    std::string line(text == nullptr ? "" : text);
    while (!line.empty() && (line.back() == '\n' || line.back() == ' '))
        line.pop_back();
    for (char& c : line) {
        if (c == '\n') c = ' ';
    }
    return line;
}

Result<Rows> to_rows(pg_conn* connection, const ResultHandle& result) {
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
        const char* primary = PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY);
        const std::string text = trimmed(primary != nullptr ? primary : PQerrorMessage(connection));
        return Error{state == nullptr ? Errc::connection : Errc::database,
                     fmt::format("PostgreSQL says: {} (SQLSTATE {})", text, state == nullptr ? "none" : state), ""};
    }
    Rows rows;
    for (int r = 0; r < PQntuples(result.get()); ++r) {
        Row& row = rows.emplace_back();
        for (int c = 0; c < PQnfields(result.get()); ++c) {
            const bool is_null = PQgetisnull(result.get(), r, c) != 0;
            row.push_back(is_null ? std::nullopt : std::optional<std::string>(PQgetvalue(result.get(), r, c)));
        }
    }
    return rows;
}

struct FreeMemory {
    void operator()(char* text) const { PQfreemem(text); }
};

}  // namespace

ConnectionParameters at_address(const std::string& address, const std::string& user, const Secret& password,
                                const std::string& database, const std::map<std::string, std::string>& more) {
    const std::size_t colon = address.rfind(':');
    const bool has_port = colon != std::string::npos && address.find(']', colon) == std::string::npos;
    std::string host = address.substr(0, has_port ? colon : std::string::npos);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    ConnectionParameters parameters{.keywords = more, .password = password, .host_is = HostIs::one_server};
    parameters.keywords["host"] = host;
    parameters.keywords["port"] = has_port ? address.substr(colon + 1) : "5432";
    parameters.keywords["user"] = user.empty() ? "postgres" : user;
    parameters.keywords["dbname"] = database;
    return parameters;
}

namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

// What no session on a clone must take from ALTER DATABASE/ROLE … SET, or from a server's own configuration: name,
// value. The role comes first: another one that production put there may not have the right to change the rest.
// Statements with passwords and rows are not for the server's log, whole or sampled. All of these are in PostgreSQL 13.
Settings common_settings(int server_major_version) {
    Settings settings = {
        {"role", "none"},
        {"default_transaction_read_only", "off"},
        {"statement_timeout", "0"},
        {"lock_timeout", "0"},
        {"idle_in_transaction_session_timeout", "0"},
        {"row_security", "off"},
        {"log_min_error_statement", "panic"},
        {"log_statement", "none"},
        {"log_min_duration_statement", "-1"},
        {"log_min_duration_sample", "-1"},
        {"log_transaction_sample_rate", "0"},
        {"log_duration", "off"},
        {"debug_print_parse", "off"},
        {"debug_print_rewritten", "off"},
        {"debug_print_plan", "off"},
    };
    if (server_major_version >= 17) {
        settings.emplace_back("event_triggers", "off");
        settings.emplace_back("transaction_timeout", "0");
    }
    return settings;
}

// And our own sessions besides.
Settings shielding_settings(int server_major_version) {
    Settings settings = common_settings(server_major_version);
    settings.emplace_back("session_replication_role", "replica");
    settings.emplace_back("search_path", "pg_catalog");
    settings.emplace_back("synchronous_commit", "local");
    return settings;
}

// The server's own messages hold values of rows, and psql's are read by a program.
Settings masking_settings(int server_major_version) {
    Settings settings = common_settings(server_major_version);
    settings.emplace_back("session_replication_role", "origin");
    settings.emplace_back("standard_conforming_strings", "on");
    settings.emplace_back("track_counts", "on");  // by which is known what has old rows
    settings.emplace_back("log_min_messages", "panic");
    settings.emplace_back("client_min_messages", "error");
    settings.emplace_back("lc_messages", "C");
    if (server_major_version >= 14) settings.emplace_back("client_connection_check_interval", "2s");
    return settings;
}

std::string to_options(const Settings& settings) {
    std::string options = "-c session_preload_libraries= -c local_preload_libraries=";
    for (const auto& [name, value] : settings)
        options += fmt::format(" -c {}={}", name, value);
    return options;
}

}  // namespace

std::string shielding_options(int server_major_version) {
    return to_options(shielding_settings(server_major_version));
}

std::string masking_options(int server_major_version) {
    return to_options(masking_settings(server_major_version));
}

Status Connection::limit_statements(std::chrono::milliseconds limit) {
    constexpr std::int64_t kLongest = std::numeric_limits<std::int32_t>::max();
    return execute(fmt::format("SET statement_timeout = {}", std::clamp<std::int64_t>(limit.count(), 1, kLongest)));
}

void Connection::Close::operator()(pg_conn* connection) const {
    PQfinish(connection);
}

namespace {

using Keywords = std::map<std::string, Secret>;

struct FreeOptions {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Defaults = std::unique_ptr<PQconninfoOption, FreeOptions>;

const PQconninfoOption* find(const Defaults& defaults, std::string_view keyword) {
    const PQconninfoOption* option = defaults.get();
    while (option != nullptr && option->keyword != nullptr && option->keyword != keyword)
        ++option;
    return option == nullptr || option->keyword == nullptr ? nullptr : option;
}

Result<Keywords> merge(const ConnectionParameters& parameters) {
    Keywords merged = {{"connect_timeout", Secret("10")}, {"application_name", Secret("pg-polygon")}};
    if (!parameters.conninfo.empty()) {
        for (const auto& [keyword, value] : TRY(parse_keywords(parameters.conninfo, "that was given")))
            merged[keyword] = value;
    }
    merged["client_encoding"] = Secret("UTF8");
    for (const auto& [keyword, value] : parameters.keywords)
        merged[keyword] = Secret(value);
    if (!parameters.password.is_empty()) merged["password"] = parameters.password;
    if (!parameters.key_password.is_empty()) merged["sslpassword"] = parameters.key_password;
    // Of libpq 17. An older Patroni passes over it in `authentication`, and an older libpq would refuse all for it.
    if (merged.contains("sslnegotiation") && find(Defaults(PQconndefaults()), "sslnegotiation") == nullptr)
        merged.erase("sslnegotiation");
    return merged;
}

constexpr int kExpandNoName = 0;  // libpq would take a database's name with a '=' for a connection string

// As libpq takes them; good as long as what they were made of.
struct Arrays {
    explicit Arrays(const Keywords& merged) {
        for (const auto& [keyword, value] : merged) {
            keywords.push_back(keyword.c_str());
            values.push_back(value.reveal().c_str());
        }
        keywords.push_back(nullptr);
        values.push_back(nullptr);
    }

    std::vector<const char*> keywords;
    std::vector<const char*> values;
};

// Whether a server before 17 has refused what it does not know. The message is in the server's language, the
// parameter's name in none.
bool is_unknown_to(const std::string& message) {
    return message.find("\"event_triggers\"") != std::string::npos ||
           message.find("\"transaction_timeout\"") != std::string::npos;
}

}  // namespace

Status require_one_server(const std::string& host, const std::string& port) {
    constexpr std::string_view kDigits = "0123456789";
    // Of a name or an IPv4 address; of an IPv6 address with its zone.
    constexpr std::string_view kOfHosts = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%";
    const bool is_host = !host.empty() && host.find_first_not_of(kOfHosts) == std::string::npos;
    const bool is_port = !port.empty() && port.size() <= 5 && port.find_first_not_of(kDigits) == std::string::npos;
    if (is_host && is_port) return {};
    return Error{Errc::configuration,
                 fmt::format("'{}' with port '{}' is not the address of one server", printable(host), printable(port)),
                 "Correct postgresql.connect_address of the member that it belongs to."};
}

Status require_no_address_in_environment() {
    const Defaults defaults(PQconndefaults());
    const PQconninfoOption* address = find(defaults, "hostaddr");
    if (address == nullptr || address->val == nullptr || *address->val == '\0') return {};
    return Error{Errc::configuration,
                 "the environment's PGHOSTADDR or PGSERVICE would lead every connection to one address",
                 "Unset it, and name the backup's server in polygon.source.connection (service=… too)."};
}

namespace {

// What libpq may be told: every way to a server begins here, with a password or without.
Result<Keywords> require_safe(const ConnectionParameters& parameters) {
    if (parameters.host_is != HostIs::anything) TRY(require_no_address_in_environment());
    Keywords merged = TRY(merge(parameters));
    const auto text_of = [&](const char* keyword) {
        const auto found = merged.find(keyword);
        return found == merged.end() ? std::string() : found->second.reveal();
    };
    if (parameters.host_is == HostIs::one_server) TRY(require_one_server(text_of("host"), text_of("port")));
    return merged;
}

}  // namespace

Result<Connection> Connection::open(const ConnectionParameters& parameters) {
    const Keywords merged = TRY(require_safe(parameters));
    const Arrays arrays(merged);
    Connection connection(PQconnectdbParams(arrays.keywords.data(), arrays.values.data(), kExpandNoName));
    if (PQstatus(connection.connection_.get()) != CONNECTION_OK) {
        // libpq 17 and 18 say nothing of a socket that could not be made.
        const std::string reason = trimmed(PQerrorMessage(connection.connection_.get()));
        return Error{Errc::connection, "cannot connect: " + (reason.empty() ? "libpq gives no reason" : reason), "",
                     Retry::safe};
    }
    PQsetNoticeProcessor(
        connection.connection_.get(), [](void*, const char*) {}, nullptr);
    return connection;
}

bool Connection::is_refused_as_full(const ConnectionParameters& parameters) {
    constexpr auto kLongest = std::chrono::seconds(5);
    const auto merged = require_safe(parameters);
    if (!merged) return false;
    const Arrays arrays(*merged);
    const Connection connection(PQconnectStartParams(arrays.keywords.data(), arrays.values.data(), kExpandNoName));
    pg_conn* raw = connection.connection_.get();
    PQsetErrorVerbosity(raw, PQERRORS_SQLSTATE);
    const Deadline deadline(system_clock(), kLongest);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while ((state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) && PQsocket(raw) >= 0) {
        const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        pollfd socket = {.fd = PQsocket(raw), .events = events, .revents = 0};
        if (::poll(&socket, 1, static_cast<int>(deadline.remaining().count())) <= 0) return false;
        state = PQconnectPoll(raw);
    }
    return state == PGRES_POLLING_FAILED && trimmed(PQerrorMessage(raw)).ends_with(" 53300");
}

Result<Connection> Connection::open_shielded(const ConnectionParameters& parameters,
                                             std::optional<int> server_major_version) {
    constexpr int kFirstWithLoginTriggers = 17;
    ConnectionParameters shielded = parameters;
    shielded.keywords["options"] = shielding_options(server_major_version.value_or(kFirstWithLoginTriggers));
    Result<Connection> session = open(shielded);
    if (session || server_major_version || !is_unknown_to(session.error().message)) return session;
    shielded.keywords["options"] = shielding_options(kFirstWithLoginTriggers - 1);
    return open(shielded);
}

Result<Rows> Connection::query(const std::string& sql, const std::vector<std::optional<std::string>>& values) {
    std::vector<const char*> pointers;
    for (const auto& value : values)
        pointers.push_back(value ? value->c_str() : nullptr);
    const ResultHandle result(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(pointers.size()), nullptr,
                                           pointers.data(), nullptr, nullptr, 0));
    return to_rows(connection_.get(), result);
}

Status Connection::execute(const std::string& sql, const std::vector<std::optional<std::string>>& values) {
    TRY(query(sql, values));
    return {};
}

Result<Rows> Connection::command(const std::string& sql) {
    return to_rows(connection_.get(), ResultHandle(PQexec(connection_.get(), sql.c_str())));
}

Result<Rows> Connection::tablespaces_of_base_backup() {
    // The old grammar ended with 14, the new one began with 15 (PostgreSQL protocol.sgml, BASE_BACKUP).
    const char* statement = server_major_version() >= 15
                                ? "BASE_BACKUP (LABEL 'pg-polygon', CHECKPOINT 'fast', WAIT false, MANIFEST 'no')"
                                : "BASE_BACKUP LABEL 'pg-polygon' FAST NOWAIT";
    if (PQsendQuery(connection_.get(), statement) == 0) {
        return Error{Errc::connection, "cannot ask for a backup: " + trimmed(PQerrorMessage(connection_.get())), ""};
    }
    TRY(to_rows(connection_.get(), ResultHandle(PQgetResult(connection_.get()))));  // where its WAL starts
    return to_rows(connection_.get(), ResultHandle(PQgetResult(connection_.get())));
}

Result<std::string> Connection::value(const std::string& sql, const std::vector<std::optional<std::string>>& values) {
    const Rows rows = TRY(query(sql, values));
    if (rows.size() != 1 || rows[0].empty()) {
        return Error{Errc::internal, fmt::format("a query for one value gave {} rows", rows.size()), ""};
    }
    return rows[0][0].value_or("");
}

Result<std::vector<std::string>> Connection::column(const std::string& sql,
                                                    const std::vector<std::optional<std::string>>& values) {
    std::vector<std::string> column;
    for (const Row& row : TRY(query(sql, values)))
        column.push_back(row.at(0).value_or(""));
    return column;
}

std::string Connection::quote_identifier(std::string_view name) {
    const std::unique_ptr<char, FreeMemory> quoted(PQescapeIdentifier(connection_.get(), name.data(), name.size()));
    return quoted ? quoted.get() : "\"\"";
}

std::string Connection::quote_literal(std::string_view text) {
    const std::unique_ptr<char, FreeMemory> quoted(PQescapeLiteral(connection_.get(), text.data(), text.size()));
    return quoted ? quoted.get() : "''";
}

Result<std::string> Connection::make_verifier(const std::string& role, const Secret& password) {
    const std::unique_ptr<char, FreeMemory> verifier(
        PQencryptPasswordConn(connection_.get(), password.reveal().c_str(), role.c_str(), "scram-sha-256"));
    if (!verifier) {
        return Error{Errc::internal, fmt::format("cannot make a SCRAM verifier for role '{}'", role), ""};
    }
    return std::string(verifier.get());
}

int Connection::server_major_version() const {
    return PQserverVersion(connection_.get()) / 10000;
}

}  // namespace polygon::postgres
