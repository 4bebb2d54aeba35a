#include "bootstrap/rebuild/cluster_store.h"

#include <algorithm>

#include <fmt/format.h>

namespace polygon::rebuild {

ClusterStore::ClusterStore(const patroni::Configuration& configuration)
    : configuration_(configuration),
      keys_(configuration.key_prefix()),
      client_({configuration.etcd3.urls, configuration.etcd3.username, configuration.etcd3.password,
               configuration.etcd3.tls}) {}

Result<StoredCluster> ClusterStore::read() {
    StoredCluster cluster{.prefix = configuration_.key_prefix()};
    cluster.entries = TRY(client_.read_prefix(cluster.prefix)).entries;
    if (cluster.entries.empty()) {
        return Error{Errc::scope_unknown,
                     fmt::format("etcd ({}) holds nothing under '{}'", client_.endpoints(), cluster.prefix),
                     fmt::format("Check scope and namespace in {}.", configuration_.source)};
    }
    std::vector<patroni::RelativeKey> relative;
    for (const etcd::KeyValue& entry : cluster.entries) {
        relative.emplace_back(entry.key.substr(cluster.prefix.size()), entry.value);
    }
    cluster.keys = patroni::parse_cluster(relative);
    return cluster;
}

std::vector<etcd::KeyValue> ClusterStore::to_delete(const StoredCluster& cluster) {
    std::vector<etcd::KeyValue> keys = cluster.entries;
    std::erase_if(keys, [&](const etcd::KeyValue& entry) { return entry.key == cluster.prefix + "config"; });
    return keys;
}

Status ClusterStore::replace_by_plan(const StoredCluster& cluster, const std::vector<etcd::KeyValue>& members,
                                     const etcd::Plan& plan) {
    etcd::Transaction transaction;
    transaction.compares = {etcd::absent(cluster.prefix + "leader"), etcd::prefix_absent(cluster.prefix + "members/")};
    if (!cluster.keys.initialize) transaction.compares.push_back(etcd::absent(cluster.prefix + "initialize"));
    for (const etcd::KeyValue& entry : to_delete(cluster)) {
        transaction.compares.push_back(etcd::mod_revision_is(entry.key, entry.mod_revision));
        transaction.then.push_back(
            etcd::put(keys_.saved(plan.generation, entry.key.substr(cluster.prefix.size())), entry.value));
        transaction.then.push_back(etcd::remove(entry.key));
    }
    for (const etcd::KeyValue& entry : members) {
        transaction.then.push_back(
            etcd::put(keys_.saved(plan.generation, entry.key.substr(cluster.prefix.size())), entry.value));
    }
    transaction.then.push_back(etcd::put(keys_.plan(), etcd::to_json(plan)));
    const etcd::Outcome outcome = TRY(client_.commit(transaction));
    if (outcome.succeeded) return {};
    return Error{
        Errc::conflict,
        fmt::format("the keys under '{}' changed while they were looked at; nothing was deleted", cluster.prefix),
        "See that every node is stopped and run the reset again.", Retry::safe};
}

Result<std::optional<etcd::Generation>> ClusterStore::read_generation() {
    const auto entry = TRY(client_.read(keys_.generation()));
    if (!entry) return std::optional<etcd::Generation>();
    return std::optional(TRY(etcd::parse_generation(entry->value)));
}

Status ClusterStore::store_certificate(const std::string& json) {
    TRY(client_.commit({.compares = {}, .then = {etcd::put(keys_.certificate(), json)}}));
    return {};
}

}  // namespace polygon::rebuild
