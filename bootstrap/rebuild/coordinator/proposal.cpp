#include "bootstrap/rebuild/coordinator/proposal.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bootstrap/rebuild/coordinator/rehearsal.h"
#include "common/base/printable.h"
#include "common/cli/units.h"

namespace polygon::rebuild {
namespace {

using Json = nlohmann::ordered_json;
using cli::human_bytes;

const NodeReport* report_of(const Proposal& proposal) {
    const auto found = proposal.survey.nodes.find(proposal.leader);
    return found == proposal.survey.nodes.end() || !found->second.report ? nullptr : &*found->second.report;
}

std::string_view mode_of(const Proposal& proposal) {
    return proposal.wanted.mode == etcd::Mode::in_place ? "in-place" : "staged";
}

std::string_view replicas_of(const Proposal& proposal) {
    return proposal.wanted.replicas == etcd::ReplicaSource::staged ? "staged" : "leader";
}

void add(std::string& text, const std::string& label, const std::string& value) {
    text += fmt::format("{:<18} {}\n", label, printable(value));
}

void add_source(std::string& text, const NodeReport& report) {
    if (report.backup.label.empty()) {
        add(text, "source", report.description);
        return;
    }
    add(text, "source", fmt::format("backup '{}' in {}", report.backup.label, report.backup.directory));
    add(text, "",
        fmt::format("taken {}, {}, and {} of WAL", report.backup.time, human_bytes(report.backup.bytes),
                    human_bytes(report.wal_bytes)));
}

std::string describe_mode(const Proposal& proposal) {
    if (proposal.wanted.mode == etcd::Mode::in_place)
        return "in-place: the polygon is wiped first, and is down until the backup is restored";
    return "staged: beside the running polygon, whose data is kept until the new one is verified";
}

std::string describe_outage(const Proposal& proposal) {
    if (proposal.wanted.mode == etcd::Mode::in_place) return "as long as the restore takes";
    if (!proposal.last_outage) return "about 10 s, not measured here yet";
    return fmt::format("about {:.0f} s, as the last time", *proposal.last_outage);
}

std::uint64_t needed_on(const Proposal& proposal, const std::string& member, const Surveyed& surveyed) {
    std::uint64_t needed = 0;
    if (member != proposal.leader) {
        const NodeReport* report = report_of(proposal);
        return report == nullptr ? 0 : report->backup.bytes;
    }
    if (!surveyed.report) return 0;
    for (const FileSystemSpace& space : surveyed.report->space)
        needed += space.needed_bytes;
    return needed;
}

void add_node(std::string& text, const Proposal& proposal, const std::string& name, const Surveyed& surveyed) {
    const bool leads_now = proposal.survey.cluster.leader == name;
    const std::string role =
        fmt::format("{}{}", leads_now ? "leader" : "replica", name == proposal.leader ? " -> leader" : "");
    const std::string readable =
        surveyed.report && surveyed.error.empty() ? "readable" : "not readable: " + surveyed.error;
    add(text, "node " + name,
        fmt::format("{}, PostgreSQL {}, pg-polygon {}, {} needed, {} free, source {}", role,
                    surveyed.node.postgres_major, surveyed.node.version,
                    human_bytes(needed_on(proposal, name, surveyed)), human_bytes(surveyed.node.free_bytes), readable));
}

Json source_json(const NodeReport* report) {
    if (report == nullptr) return nullptr;
    return {{"label", report->backup.label},         {"time", report->backup.time},
            {"directory", report->backup.directory}, {"identity", report->backup.identity},
            {"description", report->description},    {"bytes", report->backup.bytes},
            {"wal_bytes", report->wal_bytes}};
}

Json logins_json(const Surveyed& surveyed) {
    Json logins = Json::array();
    if (!surveyed.proof) return logins;
    for (const etcd::Login& login : surveyed.proof->logins)
        logins.push_back({{"role", login.role},
                          {"user", login.user},
                          {"member", login.member},
                          {"address", login.address},
                          {"error", login.error},
                          {"hba_line", login.hba_line}});
    return logins;
}

Json nodes_json(const Proposal& proposal) {
    Json nodes = Json::array();
    for (const auto& [name, surveyed] : proposal.survey.nodes) {
        nodes.push_back({{"name", name},
                         {"is_leader_now", proposal.survey.cluster.leader == name},
                         {"is_leader_to_be", name == proposal.leader},
                         {"version", surveyed.node.version},
                         {"postgresql", surveyed.node.postgres_major},
                         {"system", surveyed.node.system},
                         {"generation", surveyed.node.generation},
                         {"needed_bytes", needed_on(proposal, name, surveyed)},
                         {"free_bytes", surveyed.node.free_bytes},
                         {"is_source_readable", surveyed.report && surveyed.error.empty()},
                         {"error", surveyed.error},
                         {"logins", logins_json(surveyed)}});
    }
    return nodes;
}

Status decide(const Survey& survey, const Wanted& wanted, std::string& leader) {
    TRY(check_cluster(survey));
    leader = TRY(choose_leader(survey, wanted));
    TRY(check_nodes(survey, wanted, leader));
    return check_rehearsal(survey, wanted, leader);
}

}  // namespace

Proposal make_proposal(const std::string& scope, Survey survey, const Wanted& wanted,
                       const std::optional<double>& last_outage) {
    Proposal proposal{.scope = scope, .survey = std::move(survey), .wanted = wanted, .last_outage = last_outage};
    if (wanted.mode == etcd::Mode::in_place) proposal.wanted.replicas = etcd::ReplicaSource::leader;
    const Status decided = decide(proposal.survey, proposal.wanted, proposal.leader);
    if (!decided) proposal.in_the_way = decided.error();
    if (!decided) return proposal;
    proposal.warnings = find_warnings(proposal.survey, proposal.wanted, proposal.leader);
    for (std::string& warning : rehearsal_warnings(proposal.survey, proposal.wanted, proposal.leader))
        proposal.warnings.push_back(std::move(warning));
    return proposal;
}

std::string to_table(const Proposal& proposal) {
    std::string text;
    add(text, "scope", proposal.scope);
    const NodeReport* report = report_of(proposal);
    if (report != nullptr) add_source(text, *report);
    add(text, "mode", describe_mode(proposal));
    add(text, "replicas",
        proposal.wanted.replicas == etcd::ReplicaSource::staged
            ? "copied from the staged clone before the polygon stops"
            : "cloned from the new leader");
    for (const auto& [name, surveyed] : proposal.survey.nodes)
        add_node(text, proposal, name, surveyed);
    if (report != nullptr) {
        for (const auto& [what, how] : report->disarmed)
            add(text, what, how);
    }
    add(text, "expected outage", describe_outage(proposal));
    for (const std::string& warning : proposal.warnings)
        add(text, "warning", warning);
    if (proposal.in_the_way) add(text, "in the way", proposal.in_the_way->message);
    if (proposal.in_the_way && !proposal.in_the_way->hint.empty()) add(text, "", proposal.in_the_way->hint);
    return text;
}

std::string to_json(const Proposal& proposal) {
    Json disarmed = Json::object();
    const NodeReport* report = report_of(proposal);
    if (report != nullptr) {
        for (const auto& [what, how] : report->disarmed)
            disarmed[what] = how;
    }
    const Json json = {{"scope", proposal.scope},
                       {"mode", mode_of(proposal)},
                       {"replicas", replicas_of(proposal)},
                       {"leader", proposal.leader},
                       {"source", source_json(report)},
                       {"nodes", nodes_json(proposal)},
                       {"disarmed", disarmed},
                       {"last_outage_seconds", proposal.last_outage ? Json(*proposal.last_outage) : Json()},
                       {"warnings", proposal.warnings},
                       {"in_the_way", proposal.in_the_way ? Json(proposal.in_the_way->message) : Json()}};
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

etcd::Plan make_plan(const Proposal& proposal, const std::string& generation, const std::string& requested_at,
                     const std::string& replaced_generation) {
    etcd::Plan plan{.generation = generation,
                    .leader = proposal.leader,
                    .requested_at = requested_at,
                    .system_identifier = proposal.survey.cluster.initialize.value_or(""),
                    .mode = proposal.wanted.mode,
                    .replicas = proposal.wanted.replicas,
                    .backup = report_of(proposal)->backup,
                    .replaced_generation = replaced_generation};
    for (const patroni::MemberKey& member : proposal.survey.cluster.members)
        plan.members.push_back(member.name);
    return plan;
}

}  // namespace polygon::rebuild
