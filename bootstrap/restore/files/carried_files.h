// Which files of production's data directory the clone gets, and the record of those that it does not get.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/backup/manifest.h"
#include "common/base/result.h"
#include "common/fs/file.h"
#include "common/patroni/polygon_settings.h"

namespace polygon::bootstrap {

enum class Fate {
    carried,
    dropped,   // PostgreSQL's own, and of no use to a clone
    excluded,  // not PostgreSQL's: listed
    unknown    // in a folder of which nobody has said whether the clone needs it
};

// Paths are relative to the data directory and in their normal form.
class FileRules {
  public:
    // Errc::configuration if an entry of files.keep would bring what a bootstrap removes or writes itself, if one of
    // files.exclude would take what PostgreSQL needs, or if both have the same.
    static Result<FileRules> make(const patroni::FileSettings& settings);

    // Until then the version folders of any version are carried in tablespaces.
    void set_major_version(int major_version) { major_version_ = major_version; }

    Fate fate_of(std::string_view path) const;
    bool is_left_out(std::string_view path) const { return fate_of(path) != Fate::carried; }
    // What the record names for such a file: the outermost folder that is not PostgreSQL's, or is in files.exclude,
    // with a slash behind it; else the file.
    std::string entry_of(std::string_view path) const;

    // Errc::backup_incomplete if an entry of files.keep is not in the clone.
    Status require_kept(const fs::Path& data_directory) const;
    // Of files.keep, those of which the manifest names no file.
    std::vector<std::string> not_in(const backup::Manifest& manifest) const;

  private:
    enum class Said { nothing, keep, exclude };
    Said said_of(std::string_view path) const;

    std::map<std::string, Said, std::less<>> said_;
    std::string keep_origin_;
    int major_version_ = 0;
};

// Not for two threads at once.
class ExcludedFiles {
  public:
    explicit ExcludedFiles(const FileRules& rules) : rules_(rules) {}

    // Of a file that is left out. Errc::configuration if it is in a folder of which nobody has said what is to become.
    Status note(std::string_view path);
    // The same for all files of a manifest; the error names every such folder.
    Status note_all(const backup::Manifest& manifest);

    std::uint64_t count() const;
    // "postgresql.conf", "log/ (3 files)"; the first 200.
    std::vector<std::string> lines() const;

  private:
    const FileRules& rules_;
    std::map<std::string, std::uint64_t> entries_;
};

}  // namespace polygon::bootstrap
