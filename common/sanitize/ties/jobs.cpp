#include "common/sanitize/ties/jobs.h"

#include <array>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "common/sanitize/ties/extensions.h"

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
    const char* columns;  // by which a table is known that was made without CREATE EXTENSION; null: by none
};

// pg_cron's cron.job; pgAgent's pga_job; pg_partman's part_config, by which run_maintenance() goes, that of its own
// background worker included; TimescaleDB's bgw_job, in the schema _timescaledb_catalog in its latest versions;
// pg_timetable's chain. pg_cron and TimescaleDB do nothing without their extension.
constexpr std::array<JobTable, 7> kJobTables = {
    JobTable{"pg_cron", "cron", "job", "active", "active = false", nullptr},
    JobTable{"pgagent", "pgagent", "pga_job", "jobenabled", "jobenabled = false", "jobid,jobenabled"},
    JobTable{"pg_partman", nullptr, "part_config", "automatic_maintenance = 'on'", "automatic_maintenance = 'off'",
             "parent_table,automatic_maintenance"},
    JobTable{"pg_partman", nullptr, "part_config_sub", "sub_automatic_maintenance = 'on'",
             "sub_automatic_maintenance = 'off'", "sub_parent,sub_automatic_maintenance"},
    JobTable{"timescaledb", "_timescaledb_config", "bgw_job", "scheduled", "scheduled = false", nullptr},
    JobTable{"timescaledb", "_timescaledb_catalog", "bgw_job", "scheduled", "scheduled = false", nullptr},
    JobTable{"pg_timetable", "timetable", "chain", "live", "live = false", "chain_id,live"}};

struct FoundTable {
    JobTable jobs;
    std::string quoted;  // schema and name
};

Error not_found(const std::string& extension) {
    return {
        Errc::unsupported,
        fmt::format("extension {} keeps its jobs in no table that is known here: they would go on running", extension),
        "Have the database dropped (polygon.databases.drop), or set polygon.jobs to keep."};
}

struct Found {
    std::vector<FoundTable> tables;
    std::set<std::string> unknown;  // extensions that have none of their tables
};

// Schemas with such a table: of the extension, or of the tool's own script.
Result<std::vector<std::string>> find_schemas(Connection& session, const JobTable& jobs,
                                              const std::map<std::string, std::string>& extensions) {
    const auto extension = extensions.find(jobs.extension);
    if (extension == extensions.end())
        return jobs.columns == nullptr ? Lines() : find_by_columns(session, jobs.schema, jobs.name, jobs.columns);
    const std::string schema = jobs.schema == nullptr ? extension->second : jobs.schema;
    const bool is_there = TRY(has_table(session, schema, jobs.name));
    return is_there ? Lines{schema} : Lines();
}

Result<Found> find_tables(Connection& session) {
    const auto extensions = TRY(read_extensions(session));
    Found found;
    for (const JobTable& jobs : kJobTables) {
        const Lines schemas = TRY(find_schemas(session, jobs, extensions));
        for (const std::string& schema : schemas) {
            found.tables.push_back(
                {jobs, fmt::format("{}.{}", session.quote_identifier(schema), session.quote_identifier(jobs.name))});
        }
        if (schemas.empty() && extensions.contains(jobs.extension)) found.unknown.insert(jobs.extension);
    }
    for (const FoundTable& table : found.tables)
        found.unknown.erase(table.jobs.extension);
    return found;
}

std::string describe(const FoundTable& table, const std::string& count) {
    return fmt::format("{} active jobs of {} ({})", count, table.jobs.extension, table.jobs.name);
}

}  // namespace

Result<Lines> find_jobs(Connection& session) {
    const Found found = TRY(find_tables(session));
    Lines lines;
    for (const FoundTable& table : found.tables) {
        const std::string count =
            TRY(session.value(fmt::format("SELECT count(*) FROM {} WHERE {}", table.quoted, table.jobs.is_active)));
        if (count != "0") lines.push_back(describe(table, count));
    }
    for (const std::string& extension : found.unknown)
        lines.push_back(fmt::format("extension {}: its jobs are not known here", extension));
    return lines;
}

Result<Lines> switch_off_jobs(Connection& session) {
    const Found found = TRY(find_tables(session));
    if (!found.unknown.empty()) return not_found(*found.unknown.begin());
    Lines lines;
    for (const FoundTable& table : found.tables) {
        const auto changed = TRY(session.query(fmt::format("UPDATE {} SET {} WHERE {} RETURNING 1", table.quoted,
                                                           table.jobs.switch_off, table.jobs.is_active)));
        if (!changed.empty()) lines.push_back(describe(table, std::to_string(changed.size())));
    }
    return lines;
}

}  // namespace polygon::sanitize
