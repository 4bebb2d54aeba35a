#include "bootstrap/restore/files/production_settings.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/log.h"
#include "common/base/printable.h"
#include "common/postgres/configuration_file.h"
#include "common/sanitize/left_settings.h"

namespace polygon::bootstrap {
namespace {

constexpr const char* kMainFile = "postgresql.conf";
// Patroni's postgresql.conf begins with an include of the first (patroni/postgresql/config.py).
constexpr std::array<const char*, 3> kFiles = {"postgresql.base.conf", kMainFile, "postgresql.auto.conf"};

constexpr std::size_t kMostSettings = 1000;
constexpr std::size_t kMostProblems = 20;

// One run through all files.
class Reading {
  public:
    void read(const std::string& file, const std::optional<std::string>& content);
    ProductionSettings result() &&;

  private:
    void take(const postgres::ConfigurationLine& line, const std::string& file);
    void note(std::string problem);

    std::map<std::string, postgres::LeftSetting> settings_;
    std::vector<std::string> problems_;
};

void Reading::read(const std::string& file, const std::optional<std::string>& content) {
    if (!content) return note(fmt::format("production's '{}' has more than 1 MiB: it is not read", file));
    const postgres::ConfigurationText text = postgres::parse_configuration(*content);
    for (const postgres::ConfigurationLine& line : text.lines)
        take(line, file);
    if (text.unreadable.empty()) return;
    note(fmt::format("production's '{}' has {} lines that are not understood, the first is line {}", file,
                     text.unreadable.size(), text.unreadable.front()));
}

void Reading::take(const postgres::ConfigurationLine& line, const std::string& file) {
    if (line.name.starts_with("include")) {
        if (line.value == kFiles.front()) return;
        return note(fmt::format("production's '{}' includes '{}', which is not read", file, printable(line.value)));
    }
    if (settings_.size() >= kMostSettings && !settings_.contains(line.name)) {
        return note(fmt::format("production sets more than {} parameters: the others are not listed", kMostSettings));
    }
    postgres::LeftSetting setting{
        .name = line.name, .file = file, .is_behaviour = sanitize::matters_to_behaviour(line.name)};
    if (sanitize::is_safe_to_tell(line.name, line.value)) setting.value = line.value;
    settings_[line.name] = std::move(setting);
}

void Reading::note(std::string problem) {
    const bool is_known = std::find(problems_.begin(), problems_.end(), problem) != problems_.end();
    if (!is_known && problems_.size() < kMostProblems) problems_.push_back(std::move(problem));
}

ProductionSettings Reading::result() && {
    ProductionSettings result{.problems = std::move(problems_)};
    for (auto& [name, setting] : settings_)
        result.settings.push_back(std::move(setting));
    return result;
}

}  // namespace

bool is_settings_file(std::string_view path) {
    return std::find(kFiles.begin(), kFiles.end(), path) != kFiles.end();
}

void ProductionFiles::keep(const std::string& path, const std::optional<std::string>& content) {
    if (is_settings_file(path)) kept_[path] = content;
}

ProductionSettings read_production_settings(const ProductionFiles& files) {
    Reading reading;
    for (const char* file : kFiles) {
        if (files.has(file)) reading.read(file, files.read(file));
    }
    return std::move(reading).result();
}

void leave_settings_behind(const ProductionFiles& files, postgres::GenerationMarker& marker) {
    ProductionSettings production = read_production_settings(files);
    for (const std::string& problem : production.problems)
        log_warning(problem);
    if (!files.has(kMainFile)) {
        marker.left.emplace_back(sanitize::kConfigurationNotInBackup);
        log_info(sanitize::kConfigurationNotInBackup);
    }
    marker.not_carried_over = std::move(production.settings);
    std::vector<std::string> marked;
    for (const postgres::LeftSetting& setting : marker.not_carried_over) {
        if (setting.is_behaviour) marked.push_back(printable(setting.name));
    }
    log_info("production's settings are not carried over",
             {{"count", marker.not_carried_over.size()},
              {"matter_to_behaviour", fmt::format("{}", fmt::join(marked, ", "))}});
}

}  // namespace polygon::bootstrap
