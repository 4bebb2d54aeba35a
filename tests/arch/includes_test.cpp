// Holds the includes of the sources to the direction that the design gives them.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace polygon {
namespace {

namespace stdfs = std::filesystem;

// What each folder may include, besides itself. Programs may include all of common/, and no other program.
const std::map<std::string, std::set<std::string>> kAllowed = {
    {"common/base", {}},
    {"common/cli", {"common/base", "common/process"}},
    {"common/fs", {"common/base"}},
    {"common/process", {"common/base"}},
    {"common/http", {"common/base"}},
    {"common/etcd", {"common/base", "common/http"}},
    {"common/patroni", {"common/base", "common/etcd", "common/http"}},
    {"common/backup/input", {"common/backup", "common/base", "common/fs"}},
    {"common/backup/output", {"common/backup", "common/base", "common/fs"}},
    {"common/backup", {"common/backup/input", "common/backup/output", "common/base", "common/fs", "common/process"}},
    {"common/postgres", {"common/base", "common/fs", "common/process"}},
    {"common/sanitize/masking",
     {"common/sanitize", "common/sanitize/ties", "common/base", "common/fs", "common/postgres", "common/process"}},
    {"common/sanitize/ties", {"common/sanitize", "common/base", "common/patroni", "common/postgres"}},
    {"common/sanitize",
     {"common/sanitize/masking", "common/sanitize/ties", "common/base", "common/patroni", "common/postgres"}},
};
const std::vector<std::string> kPrograms = {"bootstrap/restore",
                                            "bootstrap/restore/commands",
                                            "bootstrap/restore/files",
                                            "bootstrap/restore/proving",
                                            "bootstrap/restore/sources",
                                            "bootstrap/restore/staging",
                                            "bootstrap/post_bootstrap",
                                            "bootstrap/entrypoint",
                                            "bootstrap/entrypoint/agent",
                                            "bootstrap/entrypoint/guard",
                                            "bootstrap/entrypoint/supervisor",
                                            "bootstrap/rebuild",
                                            "bootstrap/rebuild/commands",
                                            "bootstrap/rebuild/coordinator",
                                            "callbacks/role_change"};

struct Include {
    std::string file;    // "common/etcd/client.cpp"
    std::string folder;  // of the file
    std::string target;  // folder of what it includes
};

std::vector<stdfs::path> source_files() {
    std::vector<stdfs::path> files;
    for (const char* top : {"common", "bootstrap", "callbacks"}) {
        for (const auto& entry : stdfs::recursive_directory_iterator(stdfs::path(POLYGON_SOURCE_ROOT) / top)) {
            const std::string extension = entry.path().extension().string();
            if (extension == ".h" || extension == ".cpp") files.push_back(entry.path());
        }
    }
    return files;
}

std::vector<Include> read_includes(const stdfs::path& file) {
    static const std::regex kInclude(R"re(^\s*#include\s+"((?:common|bootstrap|callbacks|tests)/[^"]+)")re");
    const std::string relative = file.lexically_relative(POLYGON_SOURCE_ROOT).string();
    std::vector<Include> includes;
    std::ifstream stream(file);
    std::smatch match;
    for (std::string line; std::getline(stream, line);) {
        if (!std::regex_search(line, match, kInclude)) continue;
        includes.push_back({relative, stdfs::path(relative).parent_path().string(),
                            stdfs::path(match[1].str()).parent_path().string()});
    }
    return includes;
}

// "bootstrap/restore" of "bootstrap/restore/sources".
std::string program_of(const std::string& folder) {
    return folder.substr(0, folder.find('/', folder.find('/') + 1));
}

bool is_allowed(const Include& include) {
    if (include.folder == include.target) return true;
    if (const auto rule = kAllowed.find(include.folder); rule != kAllowed.end())
        return rule->second.contains(include.target);
    return include.target.starts_with("common/") || include.target.starts_with(program_of(include.folder));
}

TEST_CASE("every include follows the direction of the design") {
    int seen = 0;
    for (const stdfs::path& file : source_files()) {
        for (const Include& include : read_includes(file)) {
            ++seen;
            INFO(include.file << " includes " << include.target);
            CHECK(is_allowed(include));
        }
    }
    CHECK(seen > 100);  // that it looked at all
}

TEST_CASE("every folder with sources is in the table") {
    std::set<std::string> folders(kPrograms.begin(), kPrograms.end());
    for (const auto& [folder, allowed] : kAllowed)
        folders.insert(folder);
    for (const stdfs::path& file : source_files()) {
        const std::string folder = file.parent_path().lexically_relative(POLYGON_SOURCE_ROOT).string();
        INFO(folder);
        CHECK(folders.contains(folder));
    }
}

TEST_CASE("a main.cpp has fewer than 60 lines, any other source at most 400") {
    for (const stdfs::path& file : source_files()) {
        std::ifstream stream(file);
        int lines = 0;
        for (std::string line; std::getline(stream, line);)
            ++lines;
        INFO(file.string() << ": " << lines);
        CHECK(lines <= (file.filename() == "main.cpp" ? 59 : 400));
    }
}

TEST_CASE("only the clock sleeps, and nothing goes through a shell") {
    const std::regex forbidden(R"(sleep_for|sleep_until|\busleep\b|\bnanosleep\b|std::system|\bpopen\b|\bsystem\()");
    for (const stdfs::path& file : source_files()) {
        if (file.filename() == "clock.cpp") continue;
        std::ifstream stream(file);
        for (std::string line; std::getline(stream, line);) {
            INFO(file.string() << ": " << line);
            CHECK_FALSE(std::regex_search(line, forbidden));
        }
    }
}

}  // namespace
}  // namespace polygon
