#include "common/etcd/protocol.h"

#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/etcd/base64.h"

namespace polygon::etcd {
namespace {

using Json = nlohmann::json;

// Its code is that of a lack of space, which does not pass by itself.
constexpr std::string_view kTooManyRequests = "etcdserver: too many requests";

// `replace`: the text is ours or the configuration's and may be any bytes; an exception would be worse.
std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Json> parse_object(std::string_view text) {
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    return json;
}

std::int64_t number_at(const Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) return 0;
    if (found->is_number_integer()) return found->get<std::int64_t>();
    if (!found->is_string()) return 0;
    const auto& text = found->get_ref<const std::string&>();
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::string text_at(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& object_at(const Json& object, const char* name) {
    static const Json kNothing = Json::object();
    const auto found = object.find(name);
    return found != object.end() && found->is_object() ? *found : kNothing;
}

Json write_compare(const Compare& compare) {
    Json json = {{"key", base64_encode(compare.key)}, {"result", "EQUAL"}};
    switch (compare.kind) {
        case Compare::Kind::exists:
            json["result"] = "GREATER";
            [[fallthrough]];
        case Compare::Kind::absent:
            json["target"] = "VERSION";
            json["version"] = "0";
            break;
        case Compare::Kind::mod_revision:
            json["target"] = "MOD";
            json["mod_revision"] = std::to_string(compare.mod_revision);
            break;
        case Compare::Kind::value:
            json["target"] = "VALUE";
            json["value"] = base64_encode(compare.value);
            break;
        case Compare::Kind::prefix_absent:
            // etcd server/etcdserver/apply.go, applyCompare: every key of the range has to compare true, and a range
            // without keys counts as one key of version 0.
            json["range_end"] = base64_encode(end_of_prefix(compare.key));
            json["target"] = "VERSION";
            json["version"] = "0";
            break;
        case Compare::Kind::prefix_unchanged:
            json["range_end"] = base64_encode(end_of_prefix(compare.key));
            json["target"] = "MOD";
            json["result"] = "LESS";
            json["mod_revision"] = std::to_string(compare.mod_revision + 1);
            break;
    }
    return json;
}

Json write_operation(const Operation& operation) {
    Json json = {{"key", base64_encode(operation.key)}};
    if (operation.kind != Operation::Kind::put) {
        if (operation.kind == Operation::Kind::remove_prefix) {
            json["range_end"] = base64_encode(end_of_prefix(operation.key));
        }
        return {{"request_delete_range", json}};
    }
    json["value"] = base64_encode(operation.value);
    if (operation.lease != kNoLease) json["lease"] = std::to_string(operation.lease);
    return {{"request_put", json}};
}

// The empty key is none to etcd: "all keys" begins at "\0".
Json write_key(std::string_view key) {
    return base64_encode(key.empty() ? std::string_view("\0", 1) : key);
}

std::optional<KeyValue> read_key_value(const Json& json) {
    if (!json.is_object()) return std::nullopt;
    std::optional<std::string> key = base64_decode(text_at(json, "key"));
    std::optional<std::string> value = base64_decode(text_at(json, "value"));
    if (!key || !value) return std::nullopt;
    return KeyValue{.key = std::move(*key),
                    .value = std::move(*value),
                    .create_revision = number_at(json, "create_revision"),
                    .mod_revision = number_at(json, "mod_revision"),
                    .version = number_at(json, "version"),
                    .lease = number_at(json, "lease")};
}

Lease read_lease(const Json& json) {
    return {.id = number_at(json, "ID"), .ttl = std::chrono::seconds(number_at(json, "TTL"))};
}

}  // namespace

std::string write_range(std::string_view key) {
    return dump({{"key", base64_encode(key)}});
}

std::string write_prefix_range(std::string_view prefix) {
    return dump({{"key", write_key(prefix)},
                 {"range_end", base64_encode(end_of_prefix(prefix))},
                 {"sort_order", "ASCEND"},
                 {"sort_target", "KEY"}});
}

std::string write_transaction(const Transaction& transaction) {
    Json compares = Json::array();
    Json operations = Json::array();
    for (const Compare& compare : transaction.compares)
        compares.push_back(write_compare(compare));
    for (const Operation& operation : transaction.then)
        operations.push_back(write_operation(operation));
    return dump({{"compare", compares}, {"success", operations}});
}

std::string write_lease_grant(std::chrono::seconds ttl) {
    return dump({{"TTL", std::to_string(ttl.count())}});
}

std::string write_lease_id(LeaseId id) {
    return dump({{"ID", std::to_string(id)}});
}

std::string write_credentials(std::string_view user, const Secret& password) {
    return dump({{"name", user}, {"password", password.reveal()}});
}

std::optional<Snapshot> read_range_answer(std::string_view text) {
    const std::optional<Json> json = parse_object(text);
    if (!json || !json->contains("header")) return std::nullopt;
    Snapshot snapshot;
    snapshot.revision = number_at(object_at(*json, "header"), "revision");
    const auto entries = json->find("kvs");
    if (entries == json->end()) return snapshot;
    for (const Json& entry : *entries) {
        std::optional<KeyValue> key_value = read_key_value(entry);
        if (!key_value) return std::nullopt;
        snapshot.entries.push_back(std::move(*key_value));
    }
    return snapshot;
}

std::optional<Outcome> read_transaction_answer(std::string_view text) {
    const std::optional<Json> json = parse_object(text);
    if (!json || !json->contains("header")) return std::nullopt;
    const auto succeeded = json->find("succeeded");  // false is omitted
    return Outcome{.succeeded = succeeded != json->end() && succeeded->is_boolean() && succeeded->get<bool>(),
                   .revision = number_at(object_at(*json, "header"), "revision")};
}

std::optional<Lease> read_lease_answer(std::string_view text) {
    const std::optional<Json> json = parse_object(text);
    if (!json || number_at(*json, "ID") == 0) return std::nullopt;
    return read_lease(*json);
}

std::optional<Lease> read_keep_alive_answer(std::string_view text) {
    const std::optional<Json> json = parse_object(text);
    if (!json || !json->contains("result")) return std::nullopt;
    return read_lease(object_at(*json, "result"));
}

std::optional<std::string> read_token_answer(std::string_view text) {
    const std::optional<Json> json = parse_object(text);
    std::string token = json ? text_at(*json, "token") : std::string();
    if (token.empty()) return std::nullopt;
    return token;
}

Refusal read_refusal(int http_status, std::string_view text) {
    const std::optional<Json> json = parse_object(text);
    if (!json) return {0, fmt::format("HTTP status {}", http_status)};
    const Json& inner = object_at(*json, "error");  // of a stream
    const Json& from = inner.empty() ? *json : inner;
    std::string message = text_at(from, "message");
    if (message.empty()) message = text_at(from, "error");
    if (message.empty()) message = fmt::format("HTTP status {}", http_status);
    const std::int64_t code = number_at(from, "code") != 0 ? number_at(from, "code") : number_at(from, "grpc_code");
    return {static_cast<int>(code), std::move(message)};
}

// etcd api/v3rpc/rpctypes/error.go has the texts.
bool is_about_token(const Refusal& refusal) {
    return refusal.code == kGrpcUnauthenticated || refusal.message == "etcdserver: invalid auth token" ||
           refusal.message == "etcdserver: user name is empty" ||
           refusal.message == "etcdserver: revision of auth store is old";
}

bool is_about_endpoint(const Refusal& refusal) {
    if (refusal.message == kTooManyRequests) return true;
    switch (refusal.code) {
        case 0:
        case kGrpcUnknown:
        case kGrpcDeadlineExceeded:
        case kGrpcUnavailable:
            return true;
        default:
            return false;
    }
}

bool is_surely_undone(const Refusal& refusal) {
    return refusal.message == "etcdserver: no leader" || refusal.message == kTooManyRequests;
}

}  // namespace polygon::etcd
