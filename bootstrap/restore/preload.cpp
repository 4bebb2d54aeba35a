#include "bootstrap/restore/preload.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/printable.h"
#include "common/postgres/configuration_file.h"
#include "common/sanitize/preload_libraries.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

constexpr std::string_view kParameter = "shared_preload_libraries";
constexpr std::string_view kLibraryDirectory = "$libdir/";
constexpr std::string_view kEnding = ".so";

// Its path below the library directory without the ending, "pg_cron"; nothing for what lies elsewhere. A name without a
// slash PostgreSQL looks for there (expand_dynamic_library_name(), src/backend/utils/fmgr/dfmgr.c).
std::optional<std::string> name_below(const std::string& library, const stdfs::path& directory) {
    stdfs::path path(library);
    if (library.starts_with(kLibraryDirectory)) {
        path = directory / library.substr(kLibraryDirectory.size());
    } else if (library.find('/') == std::string::npos) {
        path = directory / library;
    }
    if (!path.is_absolute()) return std::nullopt;  // from the data directory
    std::string name = path.lexically_normal().lexically_relative(directory.lexically_normal()).string();
    if (name.empty() || name.starts_with(".")) return std::nullopt;
    if (name.ends_with(kEnding)) name.erase(name.size() - kEnding.size());
    return name;
}

std::optional<std::string> reason_to_leave(const std::optional<std::string>& name, const stdfs::path& directory) {
    if (!name) return "it is not in the server's library directory";
    if (const auto reason = sanitize::reason_not_to_preload(stdfs::path(*name).filename().string()))
        return std::string(*reason);
    std::error_code error;
    if (!stdfs::is_regular_file(directory / (*name + std::string(kEnding)), error)) return "it is not installed here";
    return std::nullopt;
}

// As an element of the list.
std::string quote(const std::string& name) {
    std::string quoted = name.find('/') == std::string::npos ? "" : std::string(kLibraryDirectory);
    for (const char c : name)
        quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    const bool is_plain = name.find_first_of(" ,\"\t\n") == std::string::npos;
    return is_plain ? quoted : "\"" + quoted + "\"";
}

}  // namespace

Preload choose_preload(const std::string& production, const std::optional<stdfs::path>& library_directory) {
    const auto libraries = postgres::split_library_list(production);
    if (!libraries)
        return {.left = {"no preload library was loaded in the quarantine: production's list of them "
                         "cannot be understood"}};
    Preload preload;
    std::vector<std::string> chosen;
    for (const std::string& library : *libraries) {
        const auto name = library_directory ? name_below(library, *library_directory) : std::nullopt;
        const auto reason = library_directory
                                ? reason_to_leave(name, *library_directory)
                                : std::optional<std::string>("the server's library directory was not found");
        if (!reason) {
            chosen.push_back(quote(*name));
            continue;
        }
        preload.left.push_back(fmt::format("preload library {} was not loaded in the quarantine: {}",
                                           printable(name.value_or(library)), *reason));
    }
    preload.libraries = fmt::format("{}", fmt::join(chosen, ", "));
    return preload;
}

std::string production_preload(const postgres::GenerationMarker& marker) {
    const auto& settings = marker.not_carried_over;
    const auto setting = std::find_if(settings.begin(), settings.end(),
                                      [](const postgres::LeftSetting& one) { return one.name == kParameter; });
    return setting == settings.end() ? "" : setting->value.value_or("");
}

Preload choose_preload(const patroni::QuarantineSettings& settings, const postgres::Binaries& binaries,
                       const postgres::GenerationMarker& marker) {
    const auto& chosen_by_user = settings.parameters.value;
    if (const auto chosen = chosen_by_user.find(std::string(kParameter)); chosen != chosen_by_user.end())
        return {.libraries = chosen->second};
    return choose_preload(production_preload(marker), postgres::find_library_directory(binaries));
}

Error explain_failed_preload(Error error, const std::string& libraries) {
    if (error.code != Errc::process_failed) return error;
    error.hint += fmt::format(
        " If a preload library is the reason, or the lack of one, name those to load in "
        "polygon.quarantine.parameters.{} ({}).",
        kParameter, libraries.empty() ? "none was loaded" : "loaded: " + libraries);
    return error;
}

}  // namespace polygon::bootstrap
