#include "common/postgres/generation_marker.h"

#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/fs/file.h"

namespace polygon::postgres {
namespace {

constexpr const char* kFile = "polygon.json";

using Json = nlohmann::ordered_json;

std::string_view to_text(Stage stage) {
    switch (stage) {
        case Stage::restoring:
            return "restoring";
        case Stage::restored:
            return "restored";
        case Stage::proven:
            return "proven";
    }
    return "restoring";
}

// An unknown word is an error, as of a newer version's: what is unfinished is removed, and nothing is on a guess.
Stage to_stage(const std::string& text) {
    for (const Stage stage : {Stage::restoring, Stage::restored, Stage::proven}) {
        if (text == to_text(stage)) return stage;
    }
    throw std::runtime_error(fmt::format("unknown stage '{}'", text));
}

// Identifiers as text: they do not fit the integers of most JSON readers.
std::uint64_t to_identifier(const Json& json, const char* key) {
    return std::stoull(json.at(key).get<std::string>());
}

Json to_json(const std::vector<LeftSetting>& settings) {
    Json list = Json::array();
    for (const LeftSetting& setting : settings) {
        list.push_back({{"name", setting.name},
                        {"value", setting.value ? Json(*setting.value) : Json()},
                        {"file", setting.file},
                        {"is_behaviour", setting.is_behaviour}});
    }
    return list;
}

std::vector<LeftSetting> to_settings(const Json& list) {
    std::vector<LeftSetting> settings;
    for (const Json& entry : list) {
        LeftSetting setting{
            .name = entry.at("name"), .file = entry.at("file"), .is_behaviour = entry.at("is_behaviour")};
        if (!entry.at("value").is_null()) setting.value = entry.at("value");
        settings.push_back(std::move(setting));
    }
    return settings;
}

// What markers of earlier versions lack.
std::vector<std::string> lines_or_none(const Json& json, const char* key) {
    return json.value(key, std::vector<std::string>());
}

}  // namespace

std::string to_json(const GenerationMarker& marker) {
    const Json json = {
        {"generation", marker.generation},
        {"stage", to_text(marker.stage)},
        {"leader", marker.leader},
        {"backup",
         {{"label", marker.backup_label},
          {"time", marker.backup_time},
          {"end_lsn", marker.backup_end_lsn},
          {"verified", marker.is_backup_verified},
          {"system_identifier", std::to_string(marker.source_system_identifier)}}},
        {"created_at", marker.created_at},
        {"system_identifier", std::to_string(marker.system_identifier)},
        {"roles",
         {{"named", marker.named_roles},
          {"locked", marker.locked_roles},
          {"rotated", marker.rotated_roles},
          {"kept", marker.kept_roles},
          {"superusers", marker.superusers}}},
        {"production_verifiers_sha256", marker.production_verifiers},
        {"disarmed", marker.disarmed},
        {"collations", marker.collations},
        {"kept_ties", marker.kept_ties},
        {"quarantined", marker.is_quarantined},
        {"steps", marker.steps},
        {"isolation", marker.isolation},
        {"sql", marker.sql},
        {"old_rows", marker.old_rows},
        {"unrefreshed_views", marker.unrefreshed},
        {"left", marker.left},
        {"not_carried_over", to_json(marker.not_carried_over)},
        {"excluded", marker.excluded},
        {"phase_seconds", marker.phase_seconds},
        {"seal", marker.seal},
    };
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<GenerationMarker> marker_from_json(const std::string& text, const std::string& where) {
    try {
        const Json json = Json::parse(text);
        const Json& backup = json.at("backup");
        const Json& roles = json.at("roles");
        return GenerationMarker{.generation = json.at("generation"),
                                .stage = to_stage(json.at("stage")),
                                .leader = json.at("leader"),
                                .backup_label = backup.at("label"),
                                .backup_time = backup.at("time"),
                                .backup_end_lsn = backup.at("end_lsn"),
                                .is_backup_verified = backup.value("verified", true),
                                .created_at = json.at("created_at"),
                                .source_system_identifier = to_identifier(backup, "system_identifier"),
                                .system_identifier = to_identifier(json, "system_identifier"),
                                .locked_roles = roles.at("locked"),
                                .superusers = lines_or_none(roles, "superusers"),
                                .named_roles = roles.at("named"),
                                .rotated_roles = roles.at("rotated"),
                                .kept_roles = roles.at("kept"),
                                .production_verifiers = lines_or_none(json, "production_verifiers_sha256"),
                                .disarmed = json.at("disarmed"),
                                .collations = lines_or_none(json, "collations"),
                                .kept_ties = lines_or_none(json, "kept_ties"),
                                .is_quarantined = json.value("quarantined", true),
                                .steps = lines_or_none(json, "steps"),
                                .isolation = json.value("isolation", ""),
                                .sql = lines_or_none(json, "sql"),
                                .old_rows = lines_or_none(json, "old_rows"),
                                .unrefreshed = lines_or_none(json, "unrefreshed_views"),
                                .left = lines_or_none(json, "left"),
                                .not_carried_over = to_settings(json.value("not_carried_over", Json::array())),
                                .excluded = lines_or_none(json, "excluded"),
                                .phase_seconds = json.at("phase_seconds"),
                                .seal = json.value("seal", "")};
    } catch (const std::exception& error) {
        return Error{Errc::data_directory_invalid, fmt::format("'{}' cannot be understood: {}", where, error.what()),
                     "It says which generation of the polygon this is; rebuild the polygon."};
    }
}

Result<std::optional<GenerationMarker>> read_marker(const std::filesystem::path& data_directory) {
    const std::filesystem::path path = data_directory / kFile;
    const auto text = TRY(fs::read_file_if_there(path));
    if (!text) return std::optional<GenerationMarker>();
    return std::optional(TRY(marker_from_json(*text, path.string())));
}

Status write_marker(const std::filesystem::path& data_directory, const GenerationMarker& marker) {
    return fs::write_file_durably(data_directory / kFile, to_json(marker));
}

}  // namespace polygon::postgres
