#include "bootstrap/rebuild/coordinator/survey.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace polygon::rebuild {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t number_of(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::vector<FileSystemSpace> to_space(const Json& list) {
    std::vector<FileSystemSpace> space;
    for (const Json& entry : list) {
        const Json needs = entry.value("needs", Json::array());
        space.push_back({.path = needs.empty() ? "" : text_of(needs.front(), "path"),
                         .needed_bytes = number_of(entry, "needed_bytes"),
                         .free_bytes = number_of(entry, "free_bytes") + number_of(entry, "reclaimable_bytes")});
    }
    return space;
}

bool has_unplaced(const Json& tablespaces) {
    return std::any_of(tablespaces.begin(), tablespaces.end(),
                       [](const Json& tablespace) { return tablespace.at("to").is_null(); });
}

std::string joined(const Json& list) {
    std::string text;
    for (const Json& entry : list)
        text += (text.empty() ? "" : ", ") + entry.get<std::string>();
    return text;
}

std::vector<std::pair<std::string, std::string>> to_disarmed(const Json& json) {
    std::vector<std::pair<std::string, std::string>> lines;
    for (const char* key : {"quarantine", "subscriptions", "jobs", "foreign_servers"}) {
        if (const std::string value = text_of(json, key); !value.empty()) lines.emplace_back(key, value);
    }
    if (const auto roles = json.find("roles"); roles != json.end() && roles->is_object())
        lines.emplace_back("other roles", text_of(*roles, "unlisted"));
    if (const auto databases = json.find("databases"); databases != json.end() && databases->is_object()) {
        const std::string dropped = joined(databases->value("drop", Json::array()));
        if (!dropped.empty()) lines.emplace_back("dropped databases", dropped);
    }
    if (const auto sql = json.find("sql"); sql != json.end() && sql->is_array())
        lines.emplace_back("sql",
                           sql->empty() ? "none: the data stays production's" : fmt::format("{} files", sql->size()));
    return lines;
}

NodeReport to_report(const Json& json) {
    const Json& source = json.at("source");
    return {.backup = {.directory = text_of(source, "directory"),
                       .label = text_of(source, "label"),
                       .time = text_of(source, "time"),
                       .identity = text_of(source, "identity"),
                       .bytes = number_of(source, "bytes")},
            .description = text_of(source, "description"),
            .wal_bytes = number_of(source, "wal_bytes"),
            .occupied_bytes = number_of(json, "data_directory_bytes"),
            .reclaimable_bytes = number_of(json, "reclaimable_bytes"),
            .space = to_space(json.value("space", Json::array())),
            .has_unplaced_tablespace = has_unplaced(json.value("tablespaces", Json::array())),
            .disarmed = to_disarmed(json)};
}

bool has_answered(const etcd::NodeRecord& node, const std::string& id) {
    return node.preflight && node.preflight->id == id;
}

// A rehearsal tries the superuser's login at the least: without one the helper itself has failed, and is tried again.
bool has_proven(const etcd::NodeRecord& node, const std::string& id) {
    return node.proof && node.proof->id == id && !node.proof->logins.empty();
}

bool is_standby_cluster(const StoredCluster& cluster) {
    for (const etcd::KeyValue& entry : cluster.entries) {
        if (entry.key != cluster.prefix + "config") continue;
        const Json config = Json::parse(entry.value, nullptr, false);
        return config.is_object() && config.contains("standby_cluster") && !config.at("standby_cluster").is_null();
    }
    return false;
}

}  // namespace

std::optional<NodeReport> parse_report(const std::string& text) {
    try {
        const Json json = Json::parse(text);
        if (!json.at("source").is_object()) return std::nullopt;
        return to_report(json);
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

Survey make_survey(const Situation& situation, const std::string& id) {
    Survey survey{.cluster = situation.cluster.keys, .is_standby_cluster = is_standby_cluster(situation.cluster)};
    for (const auto& [name, stored] : situation.nodes) {
        Surveyed surveyed{.node = *stored.value};
        if (has_proven(surveyed.node, id)) surveyed.proof = surveyed.node.proof;
        if (!has_answered(surveyed.node, id)) {
            surveyed.error = "it did not say what it would do";
        } else {
            surveyed.report = parse_report(surveyed.node.preflight->report);
            surveyed.error = surveyed.node.preflight->error;
            if (!surveyed.report && surveyed.error.empty()) surveyed.error = "its report makes no sense";
        }
        survey.nodes.emplace(name, std::move(surveyed));
    }
    return survey;
}

std::vector<std::string> still_asked(const Situation& situation, const std::string& id) {
    std::vector<std::string> names;
    for (const auto& [name, stored] : situation.nodes) {
        if (!has_answered(*stored.value, id) || !has_proven(*stored.value, id)) names.push_back(name);
    }
    return names;
}

}  // namespace polygon::rebuild
