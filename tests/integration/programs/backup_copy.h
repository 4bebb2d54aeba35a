// A copy of one of the site's backups, to be changed; removed at the end.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/integration/programs/site.h"

namespace polygon::test {

class BackupCopy {
  public:
    BackupCopy(Site& site, const std::filesystem::path& backup);
    ~BackupCopy();
    BackupCopy(const BackupCopy&) = delete;
    BackupCopy& operator=(const BackupCopy&) = delete;

    const std::filesystem::path& path() const { return path_; }
    // Of a plain backup: base/1/1259 is a byte too long, base/1/1249 is missing, base/1/extra is there.
    void damage() const;
    // The manifest, its own checksum included, says that global/pg_control has 8 PB.
    void inflate_manifest() const;

  private:
    Site& site_;
    std::filesystem::path path_;
};

// Names, sorted.
std::vector<std::string> entries_of(const std::filesystem::path& directory);

}  // namespace polygon::test
