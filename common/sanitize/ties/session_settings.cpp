#include "common/sanitize/ties/session_settings.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "common/sanitize/shared_names.h"
#include "common/sanitize/suspicion.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using postgres::Row;

constexpr std::string_view kNamesHost = "it names a host";
constexpr std::string_view kCredential = "it looks like a credential";
constexpr std::string_view kLibrary = "it has a library loaded into every session";
constexpr std::string_view kPatronis = "Patroni's sessions would obey it";

// With ALTER ROLE ALL these can keep Patroni from doing anything.
constexpr std::array<std::string_view, 7> kLockingOut = {
    "default_transaction_read_only",       "statement_timeout",    "lock_timeout", "transaction_timeout",
    "idle_in_transaction_session_timeout", "idle_session_timeout", "role"};

// pg_db_role_setting.setconfig is an array of name=value.
constexpr const char* kSettings =
    "SELECT datname, rolname, pg_catalog.split_part(setting, '=', 1), "
    "pg_catalog.substr(setting, pg_catalog.strpos(setting, '=') + 1) "
    "FROM pg_catalog.pg_db_role_setting s "
    "LEFT JOIN pg_catalog.pg_database d ON d.oid = setdatabase LEFT JOIN pg_catalog.pg_roles r ON r.oid = setrole, "
    "LATERAL pg_catalog.unnest(setconfig) AS setting ORDER BY 1 NULLS FIRST, 2 NULLS FIRST, 3";

struct Setting {
    std::optional<std::string> database;
    std::optional<std::string> role;
    std::string name;
    std::string_view reason;
};

bool binds_patroni(const Row& row, const std::set<std::string>& patronis) {
    if (row[1]) return patronis.contains(*row[1]);
    if (row[0]) return row[0] == "postgres";
    return std::find(kLockingOut.begin(), kLockingOut.end(), *row[2]) != kLockingOut.end();
}

Result<std::vector<Setting>> read_settings(Connection& session, const std::set<std::string>& patronis) {
    std::vector<Setting> settings;
    for (const Row& row : TRY(session.query(kSettings))) {
        const auto reason = reason_to_reset(*row[2], *row[3]);
        if (reason || binds_patroni(row, patronis))
            settings.push_back({row[0], row[1], *row[2], reason.value_or(kPatronis)});
    }
    return settings;
}

std::string describe(const Setting& setting) {
    std::string whose = setting.role       ? fmt::format(" of role {}", *setting.role)
                        : setting.database ? ""
                                           : " of all roles";
    if (setting.database) whose += fmt::format("{} database {}", setting.role ? " in" : " of", *setting.database);
    return fmt::format("setting {}{}: {}", setting.name, whose, setting.reason);
}

// Each part of "app.api_host" is an identifier of its own.
std::string quote_name(Connection& session, std::string_view name) {
    std::string quoted;
    while (true) {
        const std::size_t dot = name.find('.');
        quoted += session.quote_identifier(name.substr(0, dot));
        if (dot == std::string_view::npos) return quoted;
        quoted += '.';
        name.remove_prefix(dot + 1);
    }
}

Status reset(Connection& session, const Setting& setting) {
    std::vector<Piece> statement;
    if (setting.role || !setting.database) {
        statement = {sql("ALTER ROLE "), setting.role ? role_named(*setting.role) : sql("ALL")};
        if (setting.database)
            statement.insert(statement.end(), {sql(" IN DATABASE "), database_named(*setting.database)});
    } else {
        statement = {sql("ALTER DATABASE "), database_named(*setting.database)};
    }
    statement.push_back(sql(" RESET " + quote_name(session, setting.name)));
    return execute_on(session, statement);
}

}  // namespace

std::optional<std::string_view> reason_to_reset(std::string_view name, std::string_view value) {
    if (name == "session_preload_libraries" || name == "local_preload_libraries") return kLibrary;
    const bool is_core = name.find('.') == std::string_view::npos;
    if (is_core) return holds_connection(value) ? std::optional(kNamesHost) : std::nullopt;
    if (holds_credential(value)) return kCredential;
    if (holds_address(value)) return kNamesHost;
    if (names_secret(name)) return kCredential;
    if (names_place(name)) return kNamesHost;
    return std::nullopt;
}

Result<Lines> find_settings(Connection& session, const std::set<std::string>& patronis) {
    Lines lines;
    for (const Setting& setting : TRY(read_settings(session, patronis)))
        lines.push_back(describe(setting));
    return lines;
}

Result<Lines> reset_settings(Connection& session, const std::set<std::string>& patronis) {
    Lines lines;
    for (const Setting& setting : TRY(read_settings(session, patronis))) {
        TRY(in_context(reset(session, setting), fmt::format("cannot reset {}", describe(setting))));
        lines.push_back(describe(setting));
    }
    return lines;
}

}  // namespace polygon::sanitize
