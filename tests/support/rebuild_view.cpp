#include "tests/support/rebuild_view.h"

#include <fmt/format.h>

namespace polygon::support {

RebuildView::RebuildView(Cluster& cluster)
    : cluster_prefix_(fmt::format("/service/{}/", cluster.scope())),
      keys_(cluster_prefix_),
      client_({.urls = {"http://" + cluster.etcd().endpoint()}, .user = {}, .password = {}, .tls = {}}) {}

Result<std::optional<std::string>> RebuildView::value(const std::string& key) {
    const std::optional<etcd::KeyValue> entry = TRY(client_.read(key));
    return entry ? std::optional<std::string>(entry->value) : std::nullopt;
}

Result<std::optional<etcd::Plan>> RebuildView::plan() {
    const std::optional<std::string> text = TRY(value(keys_.plan()));
    if (!text) return std::optional<etcd::Plan>();
    return std::optional<etcd::Plan>(TRY(etcd::parse_plan(*text)));
}

Result<std::optional<etcd::PhaseRecord>> RebuildView::phase() {
    const std::optional<std::string> text = TRY(value(keys_.phase()));
    if (!text) return std::optional<etcd::PhaseRecord>();
    return std::optional<etcd::PhaseRecord>(TRY(etcd::parse_phase(*text)));
}

Result<std::optional<etcd::Generation>> RebuildView::generation() {
    const std::optional<std::string> text = TRY(value(keys_.generation()));
    if (!text) return std::optional<etcd::Generation>();
    return std::optional<etcd::Generation>(TRY(etcd::parse_generation(*text)));
}

Result<std::map<std::string, etcd::NodeRecord>> RebuildView::nodes() {
    std::map<std::string, etcd::NodeRecord> records;
    const etcd::Snapshot snapshot = TRY(client_.read_prefix(keys_.nodes()));
    for (const etcd::KeyValue& entry : snapshot.entries)
        records.emplace(entry.key.substr(keys_.nodes().size()), TRY(etcd::parse_node(entry.value)));
    return records;
}

Result<std::string> RebuildView::initialize() {
    return TRY(value(cluster_prefix_ + "initialize")).value_or("");
}

Result<std::vector<etcd::HistoryRecord>> RebuildView::history() {
    std::vector<etcd::HistoryRecord> records;
    const etcd::Snapshot snapshot = TRY(client_.read_prefix(keys_.histories()));
    for (const etcd::KeyValue& entry : snapshot.entries)
        records.push_back(TRY(etcd::parse_history(entry.value)));
    return records;
}

Status RebuildView::forget() {
    TRY(client_.commit({.compares = {}, .then = {etcd::remove_prefix(keys_.prefix())}}));
    return {};
}

}  // namespace polygon::support
