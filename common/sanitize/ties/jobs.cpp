#include "common/sanitize/ties/jobs.h"

#include <array>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>

namespace polygon::sanitize {
namespace {

using postgres::Connection;

// Where an extension keeps its jobs. Versions differ: of its tables it has at least one.
struct JobTable {
    const char* extension;
    const char* schema;  // null: the extension's own
    const char* name;
    const char* is_active;
    const char* switch_off;
};

// pg_cron's cron.job; pgAgent's pga_job; pg_partman's part_config, by which run_maintenance() goes, that of its own
// background worker included; TimescaleDB's bgw_job, in the schema _timescaledb_catalog in its latest versions.
constexpr std::array<JobTable, 6> kJobTables = {
    JobTable{"pg_cron", "cron", "job", "active", "active = false"},
    JobTable{"pgagent", "pgagent", "pga_job", "jobenabled", "jobenabled = false"},
    JobTable{"pg_partman", nullptr, "part_config", "automatic_maintenance = 'on'", "automatic_maintenance = 'off'"},
    JobTable{"pg_partman", nullptr, "part_config_sub", "sub_automatic_maintenance = 'on'",
             "sub_automatic_maintenance = 'off'"},
    JobTable{"timescaledb", "_timescaledb_config", "bgw_job", "scheduled", "scheduled = false"},
    JobTable{"timescaledb", "_timescaledb_catalog", "bgw_job", "scheduled", "scheduled = false"}};

struct FoundTable {
    JobTable jobs;
    std::string quoted;  // schema and name
};

// By extension, not by name alone: an application may have a table cron.job of its own.
Result<std::map<std::string, std::string>> read_extensions(Connection& session) {
    std::map<std::string, std::string> schemas;
    const auto rows =
        TRY(session.query("SELECT extname, nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON "
                          "n.oid = extnamespace"));
    for (const postgres::Row& row : rows)
        schemas[*row[0]] = *row[1];
    return schemas;
}

Result<bool> has_table(Connection& session, const std::string& schema, const std::string& name) {
    const std::string count = TRY(session.value(
        "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = $1 AND relname = $2",
        {schema, name}));
    return count != "0";
}

Error not_found(const std::string& extension) {
    return {
        Errc::unsupported,
        fmt::format("extension {} keeps its jobs in no table that is known here: they would go on running", extension),
        "Have the database dropped (polygon.databases.drop), or set polygon.jobs to keep."};
}

Result<std::vector<FoundTable>> find_tables(Connection& session) {
    const auto extensions = TRY(read_extensions(session));
    std::vector<FoundTable> tables;
    std::set<std::string> missing;
    for (const JobTable& jobs : kJobTables) {
        const auto extension = extensions.find(jobs.extension);
        if (extension == extensions.end()) continue;
        const std::string schema = jobs.schema == nullptr ? extension->second : jobs.schema;
        const bool is_there = TRY(has_table(session, schema, jobs.name));
        if (is_there) {
            tables.push_back(
                {jobs, fmt::format("{}.{}", session.quote_identifier(schema), session.quote_identifier(jobs.name))});
        } else {
            missing.insert(jobs.extension);
        }
    }
    for (const FoundTable& table : tables)
        missing.erase(table.jobs.extension);
    if (missing.empty()) return tables;
    return not_found(*missing.begin());
}

std::string describe(const FoundTable& table, const std::string& count) {
    return fmt::format("{} active jobs of {} ({})", count, table.jobs.extension, table.jobs.name);
}

}  // namespace

Result<Lines> find_jobs(Connection& session) {
    Lines lines;
    for (const FoundTable& table : TRY(find_tables(session))) {
        const std::string count =
            TRY(session.value(fmt::format("SELECT count(*) FROM {} WHERE {}", table.quoted, table.jobs.is_active)));
        if (count != "0") lines.push_back(describe(table, count));
    }
    return lines;
}

Result<Lines> switch_off_jobs(Connection& session) {
    Lines lines;
    for (const FoundTable& table : TRY(find_tables(session))) {
        const auto changed = TRY(session.query(fmt::format("UPDATE {} SET {} WHERE {} RETURNING 1", table.quoted,
                                                           table.jobs.switch_off, table.jobs.is_active)));
        if (!changed.empty()) lines.push_back(describe(table, std::to_string(changed.size())));
    }
    return lines;
}

}  // namespace polygon::sanitize
