#include "common/sanitize/ties/foreign_servers.h"

#include <functional>

#include <fmt/format.h>

#include "common/sanitize/shared_names.h"
#include "common/sanitize/suspicion.h"
#include "common/sanitize/ties/stored_connections.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using postgres::Row;

// What an option that a wrapper insists on is set to.
constexpr const char* kPlaceholder = "none";

constexpr const char* kUserMappings =
    "SELECT CASE WHEN umuser = 0 THEN NULL ELSE usename END, srvname FROM pg_catalog.pg_user_mappings ORDER BY 2, 1";

// Wrappers with a password in other options exist (multicorn and its kin). What to ALTER, its name, option and value.
constexpr const char* kOptions =
    "SELECT pg_catalog.format('FOREIGN DATA WRAPPER %I', fdwname), "
    "pg_catalog.format('foreign-data wrapper ''%s''', fdwname), option_name, option_value "
    "FROM pg_catalog.pg_foreign_data_wrapper, LATERAL pg_catalog.pg_options_to_table(fdwoptions) "
    "UNION ALL SELECT pg_catalog.format('SERVER %I', srvname), pg_catalog.format('foreign server ''%s''', srvname), "
    "option_name, option_value FROM pg_catalog.pg_foreign_server, "
    "LATERAL pg_catalog.pg_options_to_table(srvoptions) "
    "UNION ALL SELECT pg_catalog.format('FOREIGN TABLE %I.%I', nspname, relname), "
    "pg_catalog.format('foreign table ''%s.%s''', nspname, relname), option_name, option_value "
    "FROM pg_catalog.pg_foreign_table JOIN pg_catalog.pg_class c ON c.oid = ftrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace, LATERAL pg_catalog.pg_options_to_table(ftoptions) "
    "UNION ALL SELECT pg_catalog.format('FOREIGN TABLE %I.%I ALTER COLUMN %I', nspname, relname, attname), "
    "pg_catalog.format('column ''%s'' of foreign table ''%s.%s''', attname, nspname, relname), "
    "option_name, option_value FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_class c ON c.oid = attrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace, LATERAL pg_catalog.pg_options_to_table(attfdwoptions) "
    "WHERE NOT attisdropped ORDER BY 2, 3";

// What a program does, or whom it connects to, nobody can know: file_fdw's `program`, and those of wrappers in Python.
bool is_program(const std::string& name) {
    return name == "program" || name == "command";
}

bool is_to_be_dropped(const Row& option) {
    const std::string value = option[3].value_or("");
    if (value == kPlaceholder) return false;
    if (is_program(*option[2])) return true;
    return holds_credential(value) || (names_secret(*option[2]) && !is_switch(value));
}

// One attempt, which leaves the transaction as it was where it fails.
Status attempt(Connection& session, const Row& option, const std::string& change) {
    TRY(session.execute("SAVEPOINT polygon_option"));
    Status changed = session.execute(fmt::format("ALTER {} OPTIONS ({})", *option[0], change));
    if (!changed) TRY(session.execute("ROLLBACK TO SAVEPOINT polygon_option"));
    TRY(session.execute("RELEASE SAVEPOINT polygon_option"));
    return changed;
}

// A wrapper may insist on an option: file_fdw on a program or a file.
Result<std::string> drop_option(Connection& session, const Row& option) {
    const std::string name = session.quote_identifier(*option[2]);
    Status refused = attempt(session, option, "DROP " + name);
    if (refused) return std::string();
    if (*option[2] == "program" && attempt(session, option, "DROP program, ADD filename '/dev/null'"))
        return std::string(", which is empty now");
    if (attempt(session, option, fmt::format("SET {} '{}'", name, kPlaceholder)))
        return fmt::format(", which is '{}' now: the wrapper insists on it", kPlaceholder);
    return std::move(refused).error();
}

std::string user_of(const Row& mapping) {
    return mapping[0].value_or("PUBLIC");
}

// What is done with each of them: nothing, or a DROP. Of an option, what else is to be said about it.
struct Visit {
    std::function<Status(const Row& mapping)> mapping;
    std::function<Result<std::string>(const Row& option)> option;
};

Result<Lines> visit_credentials(Connection& session, const Visit& visit) {
    Lines lines;
    for (const Row& mapping : TRY(session.query(kUserMappings))) {
        const std::string line =
            fmt::format("the user mapping of {} on foreign server '{}'", user_of(mapping), *mapping[1]);
        TRY(in_context(visit.mapping(mapping), "cannot drop " + line));
        lines.push_back(line);
    }
    for (const Row& option : TRY(session.query(kOptions))) {
        if (!is_to_be_dropped(option)) continue;
        const std::string line = fmt::format("option {} of {}", *option[2], *option[1]);
        lines.push_back(line + TRY(in_context(visit.option(option), "cannot drop " + line)));
    }
    return lines;
}

}  // namespace

Result<Lines> find_credentials(Connection& session) {
    Lines lines = TRY(visit_credentials(
        session, {.mapping = [](const Row&) { return Status(); }, .option = [](const Row&) { return std::string(); }}));
    for (std::string& line : TRY(find_stored_connections(session)))
        lines.push_back(std::move(line));
    return lines;
}

Result<Lines> drop_credentials(Connection& session) {
    const auto drop_mapping = [&](const Row& mapping) {
        return execute_on(session, {sql("DROP USER MAPPING FOR "), mapping[0] ? role_named(*mapping[0]) : sql("PUBLIC"),
                                    sql(" SERVER " + session.quote_identifier(*mapping[1]))});
    };
    Lines lines = TRY(visit_credentials(
        session, {.mapping = drop_mapping, .option = [&](const Row& option) { return drop_option(session, option); }}));
    for (std::string& line : TRY(overwrite_stored_connections(session)))
        lines.push_back(std::move(line));
    return lines;
}

}  // namespace polygon::sanitize
