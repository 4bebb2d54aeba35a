#include "tests/integration/programs/backup_copy.h"

#include <algorithm>
#include <fstream>

#include "common/fs/file.h"

namespace polygon::test {

namespace stdfs = std::filesystem;

BackupCopy::BackupCopy(Site& site, const stdfs::path& backup) : site_(site), path_(site.path() / "backup-copy") {
    stdfs::remove_all(path_);
    stdfs::copy(backup, path_, stdfs::copy_options::recursive | stdfs::copy_options::copy_symlinks);
    require(site_.workspace().account().give(path_));
}

BackupCopy::~BackupCopy() {
    std::error_code ignored;
    stdfs::remove_all(path_, ignored);
}

void BackupCopy::damage() const {
    std::ofstream(path_ / "base/1/1259", std::ios::app) << "x";
    REQUIRE(stdfs::remove(path_ / "base/1/1249"));
    std::ofstream(path_ / "base/1/extra") << "x";
    require(site_.workspace().account().give(path_));
}

void BackupCopy::inflate_manifest() const {
    const stdfs::path file = path_ / "backup_manifest";
    std::string text = require(fs::read_file(file));
    const std::string entry = R"("Path": "global/pg_control", "Size": 8192)";
    const std::size_t place = text.find(entry);
    REQUIRE(place != std::string::npos);
    text.replace(place, entry.size(), R"("Path": "global/pg_control", "Size": 8000000000008192)");
    const std::size_t last_line = text.rfind("\"Manifest-Checksum\"");
    std::ofstream(path_ / "covered") << text.substr(0, last_line);
    const std::string sum = site_.run({"sha256sum", (path_ / "covered").string()}).out.substr(0, 64);
    stdfs::remove(path_ / "covered");
    std::ofstream(file) << text.substr(0, last_line) << "\"Manifest-Checksum\": \"" << sum << "\"}\n";
}

std::vector<std::string> entries_of(const stdfs::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : stdfs::directory_iterator(directory))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace polygon::test
