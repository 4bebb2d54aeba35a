#include "bootstrap/entrypoint/agent/orders.h"

#include <nlohmann/json.hpp>

#include "common/etcd/stored.h"

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
    const auto phase = TRY(etcd::find_stored(snapshot, keys.phase(), etcd::parse_phase));
    orders.phase = phase.value;
    orders.phase_revision = phase.revision;
    orders.plan = TRY(etcd::find_stored(snapshot, keys.plan(), etcd::parse_plan)).value;
    for (const etcd::KeyValue& entry : snapshot.entries) {
        if (entry.key == keys.preflight()) orders.preflight_id = TRY(parse_preflight_id(entry.value, entry.key));
        if (entry.key != keys.proof()) continue;
        // A question of a newer version is left unanswered; all else goes on.
        if (auto request = etcd::parse_proof_request(entry.value)) orders.proof = *std::move(request);
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
