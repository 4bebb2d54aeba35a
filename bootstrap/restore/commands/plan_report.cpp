#include "bootstrap/restore/commands/plan_report.h"

#include <cstdio>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "bootstrap/restore/commands/check_command.h"
#include "bootstrap/restore/recovery.h"
#include "bootstrap/restore/sources/acquire.h"
#include "common/backup/identity.h"
#include "common/base/printable.h"
#include "common/cli/units.h"
#include "common/fs/space.h"

namespace polygon::bootstrap {
namespace {

using Json = nlohmann::ordered_json;
using cli::human_bytes;

std::string_view name_of(patroni::UnlistedRoles unlisted) {
    switch (unlisted) {
        case patroni::UnlistedRoles::lock:
            return "lock";
        case patroni::UnlistedRoles::rotate:
            return "rotate";
        case patroni::UnlistedRoles::keep:
            break;
    }
    return "keep";
}

std::string_view name_of(sanitize::Privilege privilege) {
    switch (privilege) {
        case sanitize::Privilege::superuser:
            return "superuser";
        case sanitize::Privilege::replication:
            return "replication";
        case sanitize::Privilege::none:
            break;
    }
    return "none";
}

std::string_view subscriptions_of(const Plan& plan) {
    return plan.policy.ties.subscriptions == patroni::Subscriptions::drop ? "drop" : "disable";
}

std::string_view jobs_of(const Plan& plan) {
    return plan.policy.ties.jobs == patroni::Jobs::disable ? "disable" : "keep";
}

std::string_view foreign_servers_of(const Plan& plan) {
    return plan.policy.ties.foreign_servers == patroni::ForeignServers::detach ? "detach" : "keep";
}

std::string_view system_identifier_of(const Plan& plan) {
    return plan.settings.system_identifier.value == patroni::SystemIdentifier::keep ? "keep" : "new";
}

std::string_view quarantine_of(const Plan& plan) {
    return plan.settings.quarantine.mode.value == patroni::QuarantineMode::on ? "on" : "off";
}

std::string_view replicas_of(const Plan& plan) {
    return plan.settings.replicas.value == patroni::Replicas::staged ? "staged" : "leader";
}

// The label of each row is printed once; the rows below it that belong to it have none.
class Table {
  public:
    void add(std::string_view label, const std::string& text) {
        text_ += fmt::format("{:<18} {}\n", label == last_ ? "" : label, printable(text));
        last_ = label;
    }
    const std::string& text() const { return text_; }

  private:
    std::string text_;
    std::string last_;
};

// Nothing where the source is no backup yet.
const backup::Backup* backup_of(const Plan& plan) {
    return std::get_if<backup::Backup>(&plan.source);
}

void add_source(Table& table, const PlanReport& report) {
    if (backup_of(report.plan) == nullptr) {
        table.add("source", describe(report.plan.source));
        if (report.major_version != 0) table.add("source", fmt::format("PostgreSQL {}", report.major_version));
        return;
    }
    const backup::Backup& backup = *backup_of(report.plan);
    table.add("source", fmt::format("backup '{}' in {}", backup.label, backup.directory.string()));
    table.add("source", fmt::format("taken {}, PostgreSQL {}, {}", backup.manifest.last_modified, report.major_version,
                                    describe_format(backup)));
    if (!backup.earlier.empty()) table.add("source", describe_chain(backup));
    const std::string wal =
        fmt::format("{}{} of WAL", report.wal.is_estimated ? "about " : "", human_bytes(report.wal.bytes));
    table.add("source", backup.has_manifest
                            ? fmt::format("{} in {} files, and {}", human_bytes(backup.manifest.total_bytes()),
                                          backup.manifest.files.size(), wal)
                            : fmt::format("no backup_manifest: its files cannot be verified; {}", wal));
    for (const backup::PassedOver& other : report.plan.passed_over)
        table.add("passed over", fmt::format("'{}': {}", other.label, other.reason));
}

void add_places(Table& table, const PlanReport& report) {
    const postgres::Places& places = report.plan.places;
    table.add("data directory", report.entries == 0
                                    ? places.data.string()
                                    : fmt::format("{}: not empty ({} entries), polygon-entrypoint sets it aside",
                                                  places.data.string(), report.entries));
    table.add("restored into", places.staged.string());
    for (const PlacedTablespace& tablespace : report.tablespaces) {
        table.add("tablespaces", fmt::format("{} -> {}", tablespace.production_path,
                                             tablespace.here ? tablespace.here->string() : "NO PLACE HERE"));
    }
}

void add_roles(Table& table, const sanitize::RolePlan& roles) {
    for (const sanitize::NamedRole& role : roles.named) {
        const std::string privilege =
            role.privilege == sanitize::Privilege::none ? "" : fmt::format("{}, ", name_of(role.privilege));
        table.add("roles", fmt::format("{} ({}{})", role.name, privilege, role.origin));
    }
    if (!roles.keep.empty()) table.add("roles kept", fmt::format("{}", fmt::join(roles.keep, ", ")));
    table.add("all other roles", std::string(name_of(roles.unlisted)));
}

void add_databases(Table& table, const sanitize::DatabasePlan& databases) {
    for (const std::string& name : databases.drop)
        table.add("databases", name + ": dropped");
    for (const auto& [from, to] : databases.rename)
        table.add("databases", fmt::format("{}: renamed to {}", from, to));
}

void add_sql(Table& table, const sanitize::Policy& policy) {
    const std::vector<sanitize::SqlFile>& files = policy.sql;
    if (files.empty()) table.add("sql", "none: the data stays production's");
    for (const sanitize::SqlFile& file : files) {
        table.add("sql", fmt::format("{} in {}", file.path.string(),
                                     file.database ? fmt::format("database '{}'", *file.database) : "every database"));
    }
    if (policy.old_rows == sanitize::OldRows::rewritten) table.add("sql", "tables with old rows are rewritten");
}

void add_space(Table& table, const PlanReport& report) {
    const backup::Backup* backup = backup_of(report.plan);
    const bool is_known = backup == nullptr || backup->has_manifest;
    const std::string_view least = is_known ? "" : "at least ";
    for (const FileSystemNeed& file_system : report.file_systems) {
        std::vector<std::string> parts;
        for (const Need& need : file_system.needs)
            parts.push_back(
                fmt::format("{} {}{}", need.what, need.is_estimated ? "about " : "", human_bytes(need.bytes)));
        const std::string_view about = file_system.is_estimated() ? "about " : least;
        table.add("space", fmt::format("{}{} needed, {} free: {} ({}){}", about, human_bytes(file_system.needed_bytes),
                                       human_bytes(file_system.free_bytes), file_system.needs.front().path.string(),
                                       fmt::join(parts, ", "), file_system.is_enough() ? "" : " NOT ENOUGH"));
    }
}

// What an incremental backup is combined with, oldest first.
Json earlier_json(const backup::Backup& backup) {
    Json list = Json::array();
    for (const backup::Backup& earlier : backup.earlier) {
        list.push_back({{"directory", earlier.directory.string()},
                        {"label", earlier.label},
                        {"format", describe_format(earlier)},
                        {"bytes", earlier.manifest.total_bytes()}});
    }
    return list;
}

Json source_json(const PlanReport& report) {
    if (backup_of(report.plan) == nullptr) {
        return {{"description", describe(report.plan.source)}, {"postgresql", report.major_version}};
    }
    const backup::Backup& backup = *backup_of(report.plan);
    Json passed_over = Json::array();
    for (const backup::PassedOver& other : report.plan.passed_over)
        passed_over.push_back({{"label", other.label}, {"reason", other.reason}});
    return {{"directory", backup.directory.string()},
            {"label", backup.label},
            {"time", backup.manifest.last_modified},
            {"identity", report.identity},
            {"postgresql", report.major_version},
            {"format", describe_format(backup)},
            {"has_manifest", backup.has_manifest},
            {"files", backup.has_manifest ? Json(backup.manifest.files.size()) : Json()},
            {"bytes", backup.has_manifest ? Json(backup.manifest.total_bytes()) : Json()},
            {"earlier", earlier_json(backup)},
            {"wal_bytes", report.wal.bytes},
            {"wal_bytes_are_estimated", report.wal.is_estimated},
            {"passed_over", passed_over}};
}

Json roles_json(const sanitize::RolePlan& roles) {
    Json named = Json::array();
    for (const sanitize::NamedRole& role : roles.named)
        named.push_back({{"name", role.name}, {"privilege", name_of(role.privilege)}, {"origin", role.origin}});
    return {{"named", named}, {"keep", roles.keep}, {"unlisted", name_of(roles.unlisted)}};
}

Json sql_json(const std::vector<sanitize::SqlFile>& files) {
    Json list = Json::array();
    for (const sanitize::SqlFile& file : files)
        list.push_back({{"file", file.path.string()}, {"database", file.database ? Json(*file.database) : Json()}});
    return list;
}

Json tablespaces_json(const std::vector<PlacedTablespace>& tablespaces) {
    Json list = Json::array();
    for (const PlacedTablespace& tablespace : tablespaces) {
        list.push_back({{"oid", tablespace.oid},
                        {"from", tablespace.production_path},
                        {"to", tablespace.here ? Json(tablespace.here->string()) : Json(nullptr)}});
    }
    return list;
}

Json space_json(const std::vector<FileSystemNeed>& file_systems) {
    Json list = Json::array();
    for (const FileSystemNeed& file_system : file_systems) {
        Json needs = Json::array();
        for (const Need& need : file_system.needs)
            needs.push_back({{"what", need.what},
                             {"path", need.path.string()},
                             {"bytes", need.bytes},
                             {"is_estimated", need.is_estimated}});
        list.push_back({{"needed_bytes", file_system.needed_bytes},
                        {"free_bytes", file_system.free_bytes},
                        {"reclaimable_bytes", file_system.reclaimable_bytes},
                        {"is_enough", file_system.is_enough()},
                        {"needs", needs}});
    }
    return list;
}

std::uint64_t sum_bytes(const std::vector<OldTree>& trees) {
    return std::accumulate(trees.begin(), trees.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const OldTree& tree) { return sum + tree.bytes; });
}

// To each file system what is on it.
Status add_old_data(PlanReport& report) {
    report.old_data = TRY(find_old_data(report.plan.places));
    for (FileSystemNeed& file_system : report.file_systems) {
        const dev_t device = TRY(fs::read_space(file_system.needs.front().path)).device;
        for (const OldTree& tree : report.old_data) {
            if (TRY(fs::read_space(tree.path)).device == device) file_system.reclaimable_bytes += tree.bytes;
        }
    }
    return {};
}

Status measure(const backup::Backup& backup, PlanReport& report) {
    const Plan& plan = report.plan;
    report.identity = TRY(backup::compute_identity(backup));
    report.wal = TRY(measure_wal(backup, recovered_from(plan.settings.recovery)));
    report.tablespaces = TRY(find_tablespaces(backup, tablespace_mapping(plan)));
    report.file_systems = TRY(measure_space(backup, report.wal, plan.places.staged, report.tablespaces,
                                            postgres::kStagedSuffix, rewriting_of(plan.policy)));
    return {};
}

}  // namespace

std::string to_table(const PlanReport& report) {
    const Plan& plan = report.plan;
    Table table;
    table.add("scope", plan.configuration.scope);
    table.add("member", plan.configuration.name);
    table.add("generation", plan.generation);
    add_source(table, report);
    add_places(table, report);
    table.add("recovered to", describe_target(plan.settings.recovery));
    table.add("system identifier", std::string(system_identifier_of(plan)));
    table.add("quarantine", std::string(quarantine_of(plan)));
    table.add("replicas from", std::string(replicas_of(plan)));
    add_roles(table, plan.policy.roles);
    add_databases(table, plan.policy.databases);
    table.add("subscriptions", std::string(subscriptions_of(plan)));
    table.add("jobs", std::string(jobs_of(plan)));
    table.add("foreign servers", std::string(foreign_servers_of(plan)));
    if (const auto& kept = plan.policy.ties.kept_extensions; !kept.empty())
        table.add("extensions kept", fmt::format("{}", fmt::join(kept, ", ")));
    if (!plan.excluded_files.empty())
        table.add("excluded files", fmt::format("{}", fmt::join(plan.excluded_files, ", ")));
    add_sql(table, plan.policy);
    add_space(table, report);
    return table.text();
}

std::string to_json(const PlanReport& report) {
    const Plan& plan = report.plan;
    const Json json = {{"scope", plan.configuration.scope},
                       {"member", plan.configuration.name},
                       {"generation", plan.generation},
                       {"source", source_json(report)},
                       {"data_directory", plan.places.data.string()},
                       {"data_directory_entries", report.entries},
                       {"data_directory_bytes", report.occupied_bytes},
                       {"reclaimable_bytes", sum_bytes(report.old_data)},
                       {"restored_into", plan.places.staged.string()},
                       {"tablespaces", tablespaces_json(report.tablespaces)},
                       {"recovered_to", describe_target(plan.settings.recovery)},
                       {"system_identifier", system_identifier_of(plan)},
                       {"quarantine", quarantine_of(plan)},
                       {"replicas", replicas_of(plan)},
                       {"roles", roles_json(plan.policy.roles)},
                       {"databases", {{"drop", plan.policy.databases.drop}, {"rename", plan.policy.databases.rename}}},
                       {"subscriptions", subscriptions_of(plan)},
                       {"jobs", jobs_of(plan)},
                       {"foreign_servers", foreign_servers_of(plan)},
                       {"extensions_kept", plan.policy.ties.kept_extensions},
                       {"excluded_files", plan.excluded_files},
                       {"sql", sql_json(plan.policy.sql)},
                       {"space", space_json(report.file_systems)}};
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status show_plan(const Request& request, PlanFormat format, Clock& clock) {
    const Plan plan = TRY(make_plan(request, clock, Purpose::report));
    const std::size_t entries = TRY(postgres::list_entries(plan.places.data)).size();
    // A file that a running server removes meanwhile is no error.
    const std::uint64_t occupied = fs::used_bytes(plan.places.data).value_or(0);
    PlanReport report{
        .plan = plan, .entries = entries, .occupied_bytes = occupied, .major_version = plan.binaries.major_version};
    if (const backup::Backup* backup = backup_of(plan)) TRY(measure(*backup, report));
    if (format == PlanFormat::json) TRY(add_old_data(report));
    const std::string text = format == PlanFormat::json ? to_json(report) : to_table(report);
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (const backup::Backup* backup = backup_of(plan)) TRY(require_places(report.tablespaces, backup->label));
    return require_space(report.file_systems);
}

}  // namespace polygon::bootstrap
