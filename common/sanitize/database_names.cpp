#include "common/sanitize/database_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using Names = std::set<std::string>;

constexpr const char* kNeeded = "PostgreSQL and Patroni need it under its name; take it out.";

bool is_needed(const std::string& database) {
    return database == "postgres" || database == "template0" || database == "template1";
}

Error wrong(std::string_view key, const std::string& origin, std::string_view what, std::string hint) {
    return {Errc::configuration, fmt::format("polygon.databases.{} ({}) {}", key, origin, what), std::move(hint)};
}

Result<Names> read_databases(Connection& session) {
    const auto databases = TRY(session.column("SELECT datname FROM pg_catalog.pg_database"));
    return Names(databases.begin(), databases.end());
}

Error missing(std::string_view key, const std::string& origin, const std::string& name, const Names& existing) {
    return wrong(key, origin, fmt::format("names '{}', which the backup does not hold", name),
                 fmt::format("It holds {}.", fmt::join(existing, ", ")));
}

Status drop(Connection& session, const std::string& database) {
    const std::string quoted = session.quote_identifier(database);
    const std::string is_template = "SELECT datistemplate FROM pg_catalog.pg_database WHERE datname = $1";
    if (TRY(session.value(is_template, {database})) == "t")
        TRY(session.execute(fmt::format("ALTER DATABASE {} WITH IS_TEMPLATE false", quoted)));
    return session.execute(fmt::format("DROP DATABASE {}", quoted));
}

// They can only be dropped, and PostgreSQL ends a session that alters one (datconnlimit -2, since 15.3).
Result<std::vector<std::string>> drop_interrupted(Connection& session) {
    std::vector<std::string> lines;
    for (const std::string& name :
         TRY(session.column("SELECT datname FROM pg_catalog.pg_database WHERE datconnlimit = -2 ORDER BY datname"))) {
        TRY(in_context(session.execute("DROP DATABASE " + session.quote_identifier(name)),
                       fmt::format("cannot drop database '{}', whose DROP was interrupted", name)));
        lines.push_back(fmt::format("dropped database {}, whose DROP was interrupted", name));
    }
    return lines;
}

}  // namespace

Status check_plan(const DatabasePlan& plan) {
    for (const std::string& name : plan.drop) {
        if (is_needed(name)) return wrong("drop", plan.drop_origin, fmt::format("names '{}'", name), kNeeded);
    }
    Names targets;
    for (const auto& [from, to] : plan.rename) {
        const std::string what = fmt::format("renames '{}' to '{}'", from, to);
        const auto refuse = [&](std::string hint) {
            return wrong("rename", plan.rename_origin, what, std::move(hint));
        };
        if (is_needed(from) || is_needed(to)) return refuse(kNeeded);
        if (plan.drop.contains(from)) return refuse("polygon.databases.drop names it too; decide for one.");
        // A repeat could not tell the renamed one from the one before it.
        if (plan.drop.contains(to) || plan.rename.contains(to)) return refuse("Choose a name that no database has.");
        if (!targets.insert(to).second) return refuse("Another database gets the same name.");
    }
    return {};
}

Status check_databases(Connection& session, const DatabasePlan& plan, Repeat repeat) {
    const Names existing = TRY(read_databases(session));
    for (const std::string& name : plan.drop) {
        if (!existing.contains(name) && repeat == Repeat::no) return missing("drop", plan.drop_origin, name, existing);
    }
    for (const auto& [from, to] : plan.rename) {
        const bool is_done = repeat == Repeat::possible && existing.contains(to);
        if (!existing.contains(from) && !is_done) return missing("rename", plan.rename_origin, from, existing);
        if (!existing.contains(from) || !existing.contains(to)) continue;
        return wrong("rename", plan.rename_origin, fmt::format("renames '{}' to '{}', which exists", from, to),
                     "Choose a name that no database has.");
    }
    return {};
}

Result<std::vector<std::string>> drop_and_rename(Connection& session, const DatabasePlan& plan) {
    std::vector<std::string> lines = TRY(drop_interrupted(session));
    const Names existing = TRY(read_databases(session));
    for (const std::string& name : plan.drop) {
        if (!existing.contains(name)) continue;
        TRY(in_context(drop(session, name), fmt::format("cannot drop database '{}'", name)));
        lines.push_back(fmt::format("dropped database {}", name));
    }
    for (const auto& [from, to] : plan.rename) {
        if (!existing.contains(from)) continue;
        TRY(in_context(session.execute(fmt::format("ALTER DATABASE {} RENAME TO {}", session.quote_identifier(from),
                                                   session.quote_identifier(to))),
                       fmt::format("cannot rename database '{}'", from)));
        lines.push_back(fmt::format("renamed database {} to {}", from, to));
    }
    return lines;
}

}  // namespace polygon::sanitize
