#include "bootstrap/restore/production_settings.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bootstrap/restore/carried_over.h"
#include "common/base/log.h"
#include "common/base/printable.h"
#include "common/postgres/configuration_file.h"
#include "common/sanitize/left_settings.h"

namespace polygon::bootstrap {
namespace {

constexpr const char* kMainFile = "postgresql.conf";
constexpr const char* kAlteredFile = "postgresql.auto.conf";

constexpr std::size_t kDeepestNesting = 10;  // CONF_FILE_MAX_DEPTH, src/include/utils/conffiles.h
// Nobody has that many; files that include each other over and over have.
constexpr int kMostIncludes = 1000;
constexpr std::size_t kMostSettings = 1000;
constexpr std::size_t kMostProblems = 20;

using Parse = postgres::ConfigurationText (*)(std::string_view text);

// Below the data directory and in its normal form, or nothing. "": the data directory itself.
std::optional<std::string> below_data_directory(const fs::Path& path) {
    const fs::Path normal = path.lexically_normal();
    if (normal.is_absolute() || (!normal.empty() && *normal.begin() == "..")) return std::nullopt;
    std::string text = normal == "." ? "" : normal.string();
    while (text.ends_with('/'))
        text.pop_back();
    return text;
}

// Where a file or directory that `from` names may be. An absolute path may lead into production's data directory, whose
// place nobody knows here: what ends alike is taken for it, the longest end first.
std::vector<std::string> candidates(const std::string& named, const std::string& from) {
    const fs::Path path(named);
    if (!path.is_absolute()) {
        const auto below = below_data_directory(fs::Path(from).parent_path() / path);
        return below ? std::vector{*below} : std::vector<std::string>();
    }
    std::vector<std::string> ends;
    fs::Path rest = path.lexically_normal().relative_path();
    while (rest.begin() != rest.end()) {
        fs::Path shorter;
        for (auto component = std::next(rest.begin()); component != rest.end(); ++component)
            shorter /= *component;
        rest = shorter;
        const auto below = below_data_directory(rest);
        if (below && !below->empty()) ends.push_back(*below);
    }
    return ends;
}

// One run through all files.
class Reading {
  public:
    explicit Reading(const ProductionFiles& files) : files_(files) {}

    void read(const std::string& path, Parse parse);
    ProductionSettings result() &&;

  private:
    void take(const postgres::ConfigurationLine& line, const std::string& from, Parse parse);
    void take_file(const postgres::ConfigurationLine& line, const std::string& from, Parse parse);
    void take_directory(const postgres::ConfigurationLine& line, const std::string& from, Parse parse);
    void take_log_directory(const std::string& named);
    void note_absent(const postgres::ConfigurationLine& line, const std::string& from);
    void note(std::string problem);

    const ProductionFiles& files_;
    std::map<std::string, postgres::LeftSetting> settings_;
    std::vector<std::string> included_;
    std::vector<std::string> log_directories_;
    std::vector<std::string> problems_;
    std::vector<std::string> open_;  // files that are being read, each included by the one before
    int includes_ = 0;
};

void Reading::read(const std::string& path, Parse parse) {
    const bool is_recursion = std::find(open_.begin(), open_.end(), path) != open_.end();
    if (is_recursion || open_.size() >= kDeepestNesting) {
        return note(fmt::format("production's '{}' is included too often, or too deep", printable(path)));
    }
    const auto content = files_.read(path);
    if (!content) {
        return note(fmt::format("production's '{}' cannot be read here, or has more than 1 MiB", printable(path)));
    }
    open_.push_back(path);
    const postgres::ConfigurationText text = parse(*content);
    for (const postgres::ConfigurationLine& line : text.lines)
        take(line, path, parse);
    open_.pop_back();
    if (text.unreadable.empty()) return;
    note(fmt::format("production's '{}' has {} lines that are not understood, the first is line {}", printable(path),
                     text.unreadable.size(), text.unreadable.front()));
}

void Reading::take(const postgres::ConfigurationLine& line, const std::string& from, Parse parse) {
    if (line.name.starts_with("include") && ++includes_ > kMostIncludes) {
        return note(
            fmt::format("production's files have more than {} includes: the others are not read", kMostIncludes));
    }
    if (line.name == "include" || line.name == "include_if_exists") return take_file(line, from, parse);
    if (line.name == "include_dir") return take_directory(line, from, parse);
    if (line.name == "log_directory") take_log_directory(line.value);
    if (settings_.size() >= kMostSettings && !settings_.contains(line.name)) {
        return note(fmt::format("production sets more than {} parameters: the others are not listed", kMostSettings));
    }
    postgres::LeftSetting setting{
        .name = line.name, .file = from, .is_behaviour = sanitize::matters_to_behaviour(line.name)};
    if (sanitize::is_safe_to_tell(line.name, line.value)) setting.value = line.value;
    settings_[line.name] = std::move(setting);
}

void Reading::take_file(const postgres::ConfigurationLine& line, const std::string& from, Parse parse) {
    for (const std::string& path : candidates(line.value, from)) {
        if (!files_.has(path)) continue;
        if (!may_be_taken_out(path) && path != kMainFile) {
            return note(fmt::format("production's '{}' includes '{}', which is a file of PostgreSQL's own and stays",
                                    printable(from), printable(line.value)));
        }
        included_.push_back(path);
        return read(path, parse);
    }
    note_absent(line, from);
}

// All files of the directory go, those too that PostgreSQL would pass over: it is a place for configuration. In a
// directory of PostgreSQL's own, and at the top, take_out() leaves all but *.conf.
void Reading::take_directory(const postgres::ConfigurationLine& line, const std::string& from, Parse parse) {
    for (const std::string& directory : candidates(line.value, from)) {
        const std::vector<std::string> names = files_.list(directory);
        if (names.empty()) continue;
        for (const std::string& name : names) {
            const bool is_read = postgres::is_included_from_directory(name);
            const std::string path = directory.empty() ? name : directory + "/" + name;
            if (is_read || !directory.empty()) included_.push_back(path);
            if (is_read) read(path, parse);
        }
        return;
    }
    note_absent(line, from);
}

// From the data directory, whichever file says so. An earlier value that another one overrides may have logs of before.
void Reading::take_log_directory(const std::string& named) {
    for (const std::string& directory : candidates(named, "")) {
        if (!files_.has_directory(directory)) continue;
        if (is_in_own_folder(directory)) {
            return note(
                fmt::format("production's logs are in '{}', which is a directory of PostgreSQL's own: they stay",
                            printable(named)));
        }
        log_directories_.push_back(directory);
        return;
    }
}

void Reading::note_absent(const postgres::ConfigurationLine& line, const std::string& from) {
    if (line.name == "include_if_exists") return;
    note(fmt::format("production's '{}' includes '{}', which is not in the backup", printable(from),
                     printable(line.value)));
}

void Reading::note(std::string problem) {
    const bool is_known = std::find(problems_.begin(), problems_.end(), problem) != problems_.end();
    if (!is_known && problems_.size() < kMostProblems) problems_.push_back(std::move(problem));
}

ProductionSettings Reading::result() && {
    ProductionSettings result{.included = std::move(included_),
                              .log_directories = std::move(log_directories_),
                              .problems = std::move(problems_)};
    for (auto& [name, setting] : settings_)
        result.settings.push_back(std::move(setting));
    return result;
}

}  // namespace

ProductionSettings read_production_settings(const ProductionFiles& files) {
    Reading reading(files);
    for (const char* file : {kMainFile, kAlteredFile}) {
        if (files.has(file)) reading.read(file, postgres::parse_configuration);
    }
    for (const char* file : {"pg_hba.conf", "pg_ident.conf"}) {
        if (files.has(file)) reading.read(file, postgres::parse_access_includes);
    }
    return std::move(reading).result();
}

Status leave_settings_behind(const ProductionFiles& files, postgres::GenerationMarker& marker) {
    ProductionSettings production = read_production_settings(files);
    TRY(files.take_out(production.included));
    for (const std::string& directory : production.log_directories) {
        TRY(files.take_out_logs(directory));
        log_info("production's server logs are not carried over", {{"log_directory", directory}});
    }
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
    return {};
}

}  // namespace polygon::bootstrap
