#include "bootstrap/rebuild/commands/reset.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bootstrap/rebuild/cluster_store.h"
#include "bootstrap/rebuild/site.h"
#include "common/base/log.h"
#include "common/base/printable.h"
#include "common/base/suggestion.h"
#include "common/patroni/rest.h"
#include "common/postgres/data_directory.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;

constexpr auto kRound = 1s;

std::string shorten(const std::string& value) {
    constexpr std::size_t kLimit = 60;
    return value.size() <= kLimit ? value : value.substr(0, kLimit) + "…";
}

// Patroni's REST interface ends with Patroni: whatever it answers, the member is there.
Status refuse_live_members(const StoredCluster& cluster, patroni::RestClient& rest) {
    for (const patroni::MemberKey& member : cluster.keys.members) {
        const Result<patroni::NodeView> node = rest.read_node(member.api_url);
        if (!node && node.error().code == Errc::http_unavailable) continue;
        return Error{Errc::cluster_alive,
                     fmt::format("member '{}' of '{}' is alive at {} ({})", member.name, cluster.prefix, member.api_url,
                                 node ? node->state : "it answers"),
                     "Stop Patroni on every node of the polygon first."};
    }
    return {};
}

Error still_there(const StoredCluster& cluster) {
    std::vector<std::string> names;
    for (const patroni::MemberKey& member : cluster.keys.members)
        names.push_back(member.name);
    return {
        Errc::cluster_alive,
        fmt::format("'{}' still has {} {}, held by a lease that is renewed", cluster.prefix,
                    cluster.keys.leader ? "leader " + *cluster.keys.leader : "member", fmt::join(names, ", ")),
        "Stop Patroni on every node of the polygon first, also where its REST interface cannot be reached from here."};
}

// Keys of stopped nodes expire with their leases, within the cluster's ttl; whoever renews is alive.
Result<StoredCluster> wait_for_expiry(ClusterStore& store, patroni::RestClient& rest, StoredCluster cluster,
                                      Clock& clock) {
    const Deadline deadline(clock, cluster.keys.ttl + 10s);
    bool is_told = false;
    while (cluster.keys.leader || !cluster.keys.members.empty()) {
        TRY(refuse_live_members(cluster, rest));
        if (deadline.has_passed()) return still_there(cluster);
        if (!is_told)
            log_info("waiting until the keys of the stopped members expire",
                     {{"at_most_seconds", cluster.keys.ttl.count() + 10}});
        is_told = true;
        clock.sleep(kRound);
        cluster = TRY(store.read());
    }
    return cluster;
}

// Those whose keys are still there, and those of before the last reset or rebuild: between two resets nobody may have
// started.
Result<std::vector<SavedMember>> find_members(ClusterStore& store, const StoredCluster& cluster) {
    std::vector<SavedMember> members;
    const std::string prefix = cluster.prefix + "members/";
    for (const etcd::KeyValue& entry : cluster.entries) {
        if (entry.key.starts_with(prefix)) members.push_back({entry.key.substr(prefix.size()), entry.value});
    }
    const Result<std::optional<etcd::Plan>> plan = store.read_plan();
    if (!plan && plan.error().code == Errc::conflict) {
        log_warning(plan.error().message);  // this reset writes it anew
        return members;
    }
    if (!plan) return plan.error();
    if (!*plan) return members;
    const auto add = [&](const SavedMember& added) {
        const bool is_known = std::any_of(members.begin(), members.end(),
                                          [&](const SavedMember& member) { return member.name == added.name; });
        if (!is_known) members.push_back(added);
    };
    for (const SavedMember& saved : TRY(store.read_saved_members((*plan)->generation)))
        add(saved);
    for (const std::string& name : (*plan)->members)
        add({name, "{}"});
    return members;
}

// Every node would wait for a leader that nobody is.
Status check_leader(const std::vector<SavedMember>& members, const ResetRequest& request) {
    std::vector<std::string> names;
    for (const SavedMember& member : members)
        names.push_back(member.name);
    if (names.empty() || request.is_new_member || std::find(names.begin(), names.end(), request.leader) != names.end())
        return {};
    const auto nearest = nearest_name(request.leader, names);
    return Error{Errc::usage,
                 fmt::format("the cluster has no member '{}', but {}", request.leader, fmt::join(names, ", ")),
                 nearest ? fmt::format("Did you mean '{}'? For a node that is new say --new-member.", *nearest)
                         : "For a node that is new say --new-member."};
}

void print_changes(const StoredCluster& cluster, const etcd::RebuildKeys& keys, const etcd::Plan& plan,
                   bool is_dry_run) {
    const char* will = is_dry_run ? "would " : "";
    for (const etcd::KeyValue& entry : to_delete(cluster)) {
        fmt::print("{}delete  {} = {}\n", will, printable(entry.key), printable(shorten(entry.value)));
    }
    if (cluster.keys.has_config) {
        fmt::print("{}keep    {}config{}\n", will, printable(cluster.prefix),
                   unpaused_config(cluster) ? ", without its pause" : "");
    }
    fmt::print("{}write   {} = generation {}, leader {}\n", will, printable(keys.plan()), plan.generation,
               printable(plan.leader));
    std::fflush(stdout);
}

// Whoever resets a polygon gives up what was under way there.
void tell_active_rebuild(ClusterStore& store) {
    const auto plan = store.read_plan();
    const auto phase = store.read_phase();
    if (!plan || !phase || !etcd::is_active(*plan, *phase)) return;
    log_warning("a rebuild is under way, and the reset gives it up",
                {{"generation", (*phase)->generation}, {"phase", etcd::to_text((*phase)->phase)}});
}

Result<StoredCluster> read_stopped_cluster(ClusterStore& store, patroni::RestClient& rest) {
    StoredCluster cluster = TRY(store.read());
    TRY(refuse_live_members(cluster, rest));
    return cluster;
}

}  // namespace

Status reset(const ResetRequest& request, Clock& clock) {
    const auto configuration = TRY(patroni::Configuration::load(request.sources));
    TRY(require_polygon(request.sources, request.overrides));
    TRY(postgres::require_plain_name("data directory", configuration.postgresql.data_dir));
    ClusterStore store(configuration);
    patroni::RestClient rest(configuration.rest_client);
    StoredCluster cluster = TRY(read_stopped_cluster(store, rest));
    const std::vector<SavedMember> members = TRY(find_members(store, cluster));
    TRY(check_leader(members, request));
    const etcd::Plan plan{.generation = etcd::make_generation_name(clock.wall()),
                          .leader = request.leader,
                          .requested_at = format_utc(clock.wall()),
                          .system_identifier = cluster.keys.initialize.value_or("")};
    if (request.is_dry_run) {
        print_changes(cluster, store.keys(), plan, true);
        return {};
    }
    const auto lock = TRY(take_lock(configuration, "reset", clock));
    tell_active_rebuild(store);
    cluster = TRY(wait_for_expiry(store, rest, std::move(cluster), clock));
    TRY(store.replace_by_plan(lock->is_mine(), cluster, members, plan));
    print_changes(cluster, store.keys(), plan, false);
    fmt::print("\nStart the nodes, each under polygon-entrypoint: {} restores the backup, the others clone it.\n",
               printable(request.leader));
    std::fflush(stdout);
    return {};
}

}  // namespace polygon::rebuild
