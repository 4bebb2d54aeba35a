#include "common/sanitize/ties/acting_extensions.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/sanitize/ties/extensions.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;

struct Acting {
    const char* extension;
    const char* reason;
};

// In order of their names.
constexpr std::array kActing = {Acting{"bdr", "it connects to its peers"},
                                Acting{"citus", "it connects to its worker nodes"},
                                Acting{"pg_task", "it runs jobs"},
                                Acting{"pgactive", "it connects to its peers"},
                                Acting{"pgautofailover", "it connects to the nodes that it monitors"},
                                Acting{"pglogical", "it connects to its providers"},
                                Acting{"pgpro_scheduler", "it runs jobs"},
                                Acting{"spock", "it connects to its providers"},
                                Acting{"vectorize", "it sends HTTP requests"}};

// What an extension acts by, in a table of its own schema.
struct OwnTable {
    const char* extension;
    const char* name;
    const char* what;
    const char* is_tied;
    const char* cut;
    const char* done;
};

// A manager for each database starts a worker for each enabled subscription, which connects by its provider's if_dsn
// (pglogical--2.4.0.sql, pglogical_manager.c; spock has them from there). The string may hold a password.
constexpr std::array kOwnTables = {
    OwnTable{"pglogical", "subscription", "subscriptions", "sub_enabled", "sub_enabled = false", "disabled"},
    OwnTable{"pglogical", "node_interface", "addresses", "if_dsn <> 'host=/nonexistent port=1'",
             "if_dsn = 'host=/nonexistent port=1'", "overwrote"},
    OwnTable{"spock", "subscription", "subscriptions", "sub_enabled", "sub_enabled = false", "disabled"},
    OwnTable{"spock", "node_interface", "addresses", "if_dsn <> 'host=/nonexistent port=1'",
             "if_dsn = 'host=/nonexistent port=1'", "overwrote"}};

struct FoundTable {
    OwnTable table;
    std::string quoted;  // schema and name
};

struct Found {
    std::vector<FoundTable> tables;
    std::vector<Acting> others;  // of which nothing is known that could be cut off
};

// Those of one extension; none where one of them is not there.
Result<std::vector<FoundTable>> find_own_tables(Connection& session, const Acting& acting, const std::string& schema) {
    std::vector<FoundTable> tables;
    for (const OwnTable& own : kOwnTables) {
        if (std::string_view(own.extension) != acting.extension) continue;
        const bool is_there = TRY(has_table(session, schema, own.name));
        if (!is_there) return std::vector<FoundTable>();
        tables.push_back(
            {own, fmt::format("{}.{}", session.quote_identifier(schema), session.quote_identifier(own.name))});
    }
    return tables;
}

Result<Found> find(Connection& session, const Extensions& kept) {
    Found found;
    const auto extensions = TRY(read_extensions(session));
    for (const Acting& acting : kActing) {
        const auto extension = extensions.find(acting.extension);
        if (extension == extensions.end() || kept.contains(acting.extension)) continue;
        const auto tables = TRY(find_own_tables(session, acting, extension->second));
        if (tables.empty()) found.others.push_back(acting);
        found.tables.insert(found.tables.end(), tables.begin(), tables.end());
    }
    return found;
}

std::string describe(const Acting& acting) {
    return fmt::format("extension {}: {}", acting.extension, acting.reason);
}

std::string describe(const FoundTable& found, const std::string& count) {
    return fmt::format("{} {} of {}", count, found.table.what, found.table.extension);
}

}  // namespace

std::vector<std::string> acting_extensions() {
    std::vector<std::string> names;
    for (const Acting& acting : kActing)
        names.emplace_back(acting.extension);
    return names;
}

Result<Lines> cut_extensions(Connection& session, const Extensions& kept) {
    const Found found = TRY(find(session, kept));
    if (!found.others.empty()) {
        return Error{
            Errc::unsupported, fmt::format("nothing here can disarm {}", describe(found.others.front())),
            "Have the database dropped (polygon.databases.drop), or name the extension in polygon.extensions.keep."};
    }
    Lines lines;
    for (const FoundTable& one : found.tables) {
        const auto changed = TRY(session.query(
            fmt::format("UPDATE {} SET {} WHERE {} RETURNING 1", one.quoted, one.table.cut, one.table.is_tied)));
        if (!changed.empty())
            lines.push_back(fmt::format("{} {}", one.table.done, describe(one, std::to_string(changed.size()))));
    }
    return lines;
}

Result<Oids> find_tables_of_extensions(Connection& session, const Extensions& kept) {
    Oids oids;
    for (const FoundTable& one : TRY(find(session, kept)).tables)
        oids.insert(TRY(oid_of(session, one.quoted)));
    return oids;
}

Result<Lines> describe_extensions(Connection& session, const Extensions& kept) {
    Lines lines;
    const auto extensions = TRY(read_extensions(session));
    for (const Acting& acting : kActing) {
        if (kept.contains(acting.extension) && extensions.contains(acting.extension)) lines.push_back(describe(acting));
    }
    return lines;
}

Result<Lines> find_acting_extensions(Connection& session, const Extensions& kept) {
    const Found found = TRY(find(session, kept));
    Lines lines;
    for (const FoundTable& one : found.tables) {
        const std::string count =
            TRY(session.value(fmt::format("SELECT count(*) FROM {} WHERE {}", one.quoted, one.table.is_tied)));
        if (count != "0") lines.push_back(describe(one, count));
    }
    for (const Acting& acting : found.others)
        lines.push_back(describe(acting));
    return lines;
}

}  // namespace polygon::sanitize
