#include "bootstrap/rebuild/cluster_store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/etcd/stored.h"

namespace polygon::rebuild {

Result<StoredCluster> read_cluster(etcd::Client& client, const std::string& prefix) {
    etcd::Snapshot snapshot = TRY(client.read_prefix(prefix));
    StoredCluster cluster{
        .prefix = prefix, .entries = std::move(snapshot.entries), .revision = snapshot.revision, .keys = {}};
    std::vector<patroni::RelativeKey> relative;
    for (const etcd::KeyValue& entry : cluster.entries)
        relative.emplace_back(entry.key.substr(prefix.size()), entry.value);
    cluster.keys = patroni::parse_cluster(relative);
    return cluster;
}

std::vector<etcd::KeyValue> to_delete(const StoredCluster& cluster) {
    std::vector<etcd::KeyValue> keys = cluster.entries;
    std::erase_if(keys, [&](const etcd::KeyValue& entry) { return entry.key == cluster.prefix + "config"; });
    return keys;
}

std::optional<std::string> without_pause(const std::string& config) {
    auto json = nlohmann::ordered_json::parse(config, nullptr, false);
    if (!json.is_object() || json.erase("pause") == 0) return std::nullopt;
    return json.dump();
}

std::optional<std::string> unpaused_config(const StoredCluster& cluster) {
    for (const etcd::KeyValue& entry : cluster.entries) {
        if (entry.key == cluster.prefix + "config") return without_pause(entry.value);
    }
    return std::nullopt;
}

void save_and_delete(const StoredCluster& cluster, const etcd::RebuildKeys& keys, const std::string& generation,
                     etcd::Transaction& transaction) {
    for (const etcd::KeyValue& entry : cluster.entries) {
        const std::string relative = entry.key.substr(cluster.prefix.size());
        transaction.then.push_back(etcd::put(keys.saved(generation, relative), entry.value));
    }
    for (const etcd::KeyValue& entry : to_delete(cluster))
        transaction.then.push_back(etcd::remove(entry.key));
    if (const auto config = unpaused_config(cluster))
        transaction.then.push_back(etcd::put(cluster.prefix + "config", *config));
}

ClusterStore::ClusterStore(const patroni::Configuration& configuration)
    : configuration_(configuration), keys_(configuration.key_prefix()), client_(configuration.etcd3) {}

Result<StoredCluster> ClusterStore::read() {
    StoredCluster cluster = TRY(read_cluster(client_, configuration_.key_prefix()));
    if (cluster.entries.empty() && !TRY(client_.read(keys_.plan()))) {
        return Error{Errc::scope_unknown,
                     fmt::format("etcd ({}) holds nothing under '{}'", client_.endpoints(), cluster.prefix),
                     fmt::format("Check scope and namespace in {}.", configuration_.source)};
    }
    return cluster;
}

Status ClusterStore::replace_by_plan(const etcd::Compare& lock_is_mine, const StoredCluster& cluster,
                                     const std::vector<SavedMember>& members, const etcd::Plan& plan) {
    etcd::Transaction transaction;
    transaction.compares = {lock_is_mine, etcd::absent(cluster.prefix + "leader"),
                            etcd::prefix_absent(cluster.prefix + "members/")};
    if (!cluster.keys.initialize) transaction.compares.push_back(etcd::absent(cluster.prefix + "initialize"));
    for (const etcd::KeyValue& entry : cluster.entries)
        transaction.compares.push_back(etcd::mod_revision_is(entry.key, entry.mod_revision));
    save_and_delete(cluster, keys_, plan.generation, transaction);
    for (const SavedMember& member : members) {
        transaction.then.push_back(etcd::put(keys_.saved(plan.generation, "members/" + member.name), member.value));
    }
    transaction.then.push_back(etcd::remove(keys_.phase()));
    transaction.then.push_back(etcd::put(keys_.plan(), etcd::to_json(plan)));
    const etcd::Outcome outcome = TRY(client_.commit(transaction));
    if (outcome.succeeded) return {};
    return Error{
        Errc::conflict,
        fmt::format("the keys under '{}' changed while they were looked at; nothing was deleted", cluster.prefix),
        "See that every node is stopped and run the reset again.", Retry::safe};
}

Result<std::vector<SavedMember>> ClusterStore::read_saved_members(const std::string& generation) {
    const std::string prefix = keys_.saved(generation, "members/");
    std::vector<SavedMember> members;
    for (const etcd::KeyValue& entry : TRY(client_.read_prefix(prefix)).entries) {
        members.push_back({entry.key.substr(prefix.size()), entry.value});
    }
    return members;
}

Result<std::optional<etcd::Plan>> ClusterStore::read_plan() {
    return TRY(etcd::read_stored(client_, keys_.plan(), etcd::parse_plan)).value;
}

Result<std::optional<etcd::PhaseRecord>> ClusterStore::read_phase() {
    return TRY(etcd::read_stored(client_, keys_.phase(), etcd::parse_phase)).value;
}

Result<std::optional<etcd::Generation>> ClusterStore::read_generation() {
    return TRY(etcd::read_stored(client_, keys_.generation(), etcd::parse_generation)).value;
}

Status ClusterStore::store_certificate(const std::string& json) {
    TRY(client_.commit({.compares = {}, .then = {etcd::put(keys_.certificate(), json)}}));
    return {};
}

}  // namespace polygon::rebuild
