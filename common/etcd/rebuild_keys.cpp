#include "common/etcd/rebuild_keys.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace polygon::etcd {
namespace {

using Json = nlohmann::ordered_json;

template <class Parse>
auto parse_value(const std::string& text, std::string_view key, Parse&& parse) -> Result<decltype(parse(Json()))> {
    try {
        return parse(Json::parse(text));
    } catch (const std::exception& error) {
        return Error{Errc::conflict, fmt::format("the value of key '{}' cannot be understood: {}", key, error.what()),
                     "Run polygon-rebuild reset to write it anew."};
    }
}

}  // namespace

std::string to_json(const Plan& plan) {
    return Json{{"generation", plan.generation},
                {"leader", plan.leader},
                {"requested_at", plan.requested_at},
                {"system_identifier", plan.system_identifier}}
        .dump();
}

std::string to_json(const Generation& generation) {
    return Json{{"generation", generation.generation},
                {"leader", generation.leader},
                {"system_identifier", generation.system_identifier},
                {"proven_at", generation.proven_at}}
        .dump();
}

Result<Plan> parse_plan(const std::string& text) {
    return parse_value(text, "plan", [](const Json& json) {
        return Plan{.generation = json.at("generation"),
                    .leader = json.at("leader"),
                    .requested_at = json.at("requested_at"),
                    .system_identifier = json.at("system_identifier")};
    });
}

Result<Generation> parse_generation(const std::string& text) {
    return parse_value(text, "generation", [](const Json& json) {
        return Generation{.generation = json.at("generation"),
                          .leader = json.at("leader"),
                          .system_identifier = json.at("system_identifier"),
                          .proven_at = json.at("proven_at")};
    });
}

RebuildKeys::RebuildKeys(std::string_view cluster_prefix) {
    if (cluster_prefix.ends_with('/')) cluster_prefix.remove_suffix(1);
    prefix_ = std::string(cluster_prefix) + ".polygon/";
}

std::string make_generation_name(std::string_view utc_time, std::uint32_t salt) {
    std::string name(utc_time);
    std::erase_if(name, [](char c) { return c == '-' || c == ':'; });
    return fmt::format("{}-{:04x}", name, salt & 0xFFFFU);
}

}  // namespace polygon::etcd
