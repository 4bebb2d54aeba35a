#include "bootstrap/entrypoint/guard/snapshot.h"

#include <fmt/format.h>

#include "common/etcd/rebuild_keys.h"
#include "common/postgres/completeness.h"
#include "common/postgres/control_file.h"
#include "common/postgres/generation_marker.h"

namespace polygon::entrypoint {
namespace {

using postgres::Completeness;

// While `initialize` is empty a member that bootstraps goes through "running custom bootstrap script", "starting" and
// "running" (patroni/postgresql/bootstrap.py); one that only waits says "stopped", one that failed says so.
bool may_be_bootstrapping(const patroni::MemberKey& member) {
    return !member.state.empty() && member.state != "stopped" && member.state != "crashed" &&
           !member.state.ends_with("failed");
}

}  // namespace

Result<DataSeen> look_at_data(const postgres::Places& places) {
    DataSeen seen;
    const Completeness completeness = TRY(postgres::read_completeness(places.data));
    if (completeness == Completeness::nothing) return seen;
    seen.has_running_server = TRY(postgres::read_postmaster(places.data)).has_value();
    seen.may_replace_previous = completeness >= TRY(postgres::read_completeness(places.previous));
    const auto marker = postgres::read_marker(places.data);
    if (marker && *marker) seen.generation = (*marker)->generation;
    if (completeness == Completeness::fragment) {
        if (!marker && marker.error().code == Errc::io) return marker.error();
        seen.is_startable = false;
        const bool is_ours = (marker && *marker) || TRY(postgres::is_half_removed(places.data));
        seen.state = is_ours ? DataState::half : DataState::fragment;
        seen.is_partial_copy = TRY(postgres::is_partial_base_backup(places.data));
        return seen;
    }
    seen.state = DataState::complete;
    const auto control = postgres::read_control_file(places.data);
    if (control) seen.system_identifier = control->system_identifier;
    if (!control || !marker) seen.unreadable = control ? marker.error().message : control.error().message;
    if (marker && *marker && (*marker)->stage != postgres::Stage::proven) seen.state = DataState::half;
    return seen;
}

ClusterWatch::ClusterWatch(const patroni::Configuration& configuration, etcd::Client& etcd, Clock& clock)
    : configuration_(configuration),
      clock_(clock),
      etcd_(etcd),
      rest_(configuration.rest_client),
      initialize_since_(clock.now()) {}

Result<ClusterSeen> ClusterWatch::look() {
    const std::string prefix = configuration_.key_prefix();
    const etcd::RebuildKeys keys(prefix);
    const etcd::Snapshot snapshot = TRY(etcd_.read_prefix(prefix));
    const auto plan = TRY(etcd_.read(keys.plan()));
    const auto generation = TRY(etcd_.read(keys.generation()));
    std::vector<patroni::RelativeKey> relative;
    for (const etcd::KeyValue& entry : snapshot.entries)
        relative.emplace_back(entry.key.substr(prefix.size()), entry.value);
    const patroni::ClusterKeys cluster = patroni::parse_cluster(relative);
    ClusterSeen seen{.initialize = cluster.initialize, .leader = cluster.leader.value_or("")};
    seen.initialize_patience = 2 * cluster.loop_wait + std::chrono::seconds(5);
    if (plan) seen.plan = TRY(etcd::parse_plan(plan->value));
    if (generation) seen.proven = TRY(etcd::parse_generation(generation->value));
    for (const patroni::MemberKey& member : cluster.members) {
        if (member.name != configuration_.name && may_be_bootstrapping(member)) seen.someone_bootstraps = true;
        if (member.name == seen.leader) seen.is_leader_live = answers_as_running(member);
    }
    note_initialize(snapshot, seen);
    return seen;
}

void ClusterWatch::note_initialize(const etcd::Snapshot& snapshot, ClusterSeen& seen) {
    std::int64_t revision = 0;
    for (const etcd::KeyValue& entry : snapshot.entries) {
        if (entry.key == configuration_.key_prefix() + "initialize") revision = entry.mod_revision;
    }
    if (revision != initialize_revision_) {
        initialize_revision_ = revision;
        initialize_since_ = clock_.now();
    }
    seen.initialize_unchanged = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - initialize_since_);
}

bool ClusterWatch::answers_as_running(const patroni::MemberKey& member) {
    const auto node = rest_.read_node(member.api_url);
    return node && node->state == "running";
}

Status ClusterWatch::clear_initialize() {
    const std::string key = configuration_.key_prefix() + "initialize";
    const etcd::Outcome outcome =
        TRY(etcd_.commit({.compares = {etcd::mod_revision_is(key, initialize_revision_), etcd::value_is(key, "")},
                          .then = {etcd::remove(key)}}));
    if (outcome.succeeded) return {};
    return Error{Errc::conflict, fmt::format("the key '{}' has changed meanwhile", key), "", Retry::safe};
}

}  // namespace polygon::entrypoint
