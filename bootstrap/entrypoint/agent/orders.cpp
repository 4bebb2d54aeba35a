#include "bootstrap/entrypoint/agent/orders.h"

#include <nlohmann/json.hpp>

namespace polygon::entrypoint {
namespace {

Result<std::string> parse_preflight_id(const std::string& text, const std::string& key) {
    const nlohmann::json request = nlohmann::json::parse(text, nullptr, false);
    if (request.is_object() && request.contains("id") && request["id"].is_string()) {
        return request["id"].get<std::string>();
    }
    return Error{Errc::conflict, "the key '" + key + "' holds no request with an id",
                 "It is written by polygon-rebuild of this version."};
}

}  // namespace

Result<Orders> parse_orders(const etcd::Snapshot& snapshot, const etcd::RebuildKeys& keys) {
    Orders orders;
    for (const etcd::KeyValue& entry : snapshot.entries) {
        if (entry.key == keys.plan()) orders.plan = TRY(etcd::parse_plan(entry.value));
        if (entry.key == keys.phase()) {
            orders.phase = TRY(etcd::parse_phase(entry.value));
            orders.phase_revision = entry.mod_revision;
        }
        if (entry.key == keys.preflight()) orders.preflight_id = TRY(parse_preflight_id(entry.value, entry.key));
    }
    return orders;
}

std::vector<etcd::NodeRecord> parse_records(const etcd::Snapshot& snapshot) {
    std::vector<etcd::NodeRecord> records;
    for (const etcd::KeyValue& entry : snapshot.entries) {
        if (auto record = etcd::parse_node(entry.value)) records.push_back(std::move(*record));
    }
    return records;
}

}  // namespace polygon::entrypoint
