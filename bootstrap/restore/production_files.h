// Production's configuration files: read, so that the certificate can tell what is not carried over, and gone from the
// clone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/backup/restore.h"
#include "common/base/result.h"
#include "common/fs/file.h"

namespace polygon::bootstrap {

// Whether an included file may be taken out of the clone, whoever names it: one *.conf, or what is neither in a
// directory of PostgreSQL's own nor a file that makes the cluster or the clone. `path` is in its normal form, below the
// data directory.
bool may_be_taken_out(std::string_view path);

// The configuration in a directory that another program has filled, as a restore tells what it leaves out. Links are
// not followed.
void tell_configuration(const fs::Path& directory, const backup::LeftOutFile& tell);

// Paths are relative to the data directory, in their normal form.
class ProductionFiles {
  public:
    // `clone` is where the files are that only an include directive tells from data.
    explicit ProductionFiles(fs::Path clone) : clone_(std::move(clone)) {}

    // What the restore does not write; without content where that is too large. All but configuration is passed over.
    void keep(const std::string& path, const std::optional<std::string>& content);

    // Kept, or in the clone; nothing if it is neither, no regular file, or larger than 1 MiB.
    std::optional<std::string> read(const std::string& path) const;
    // Whether there is such a file, kept or in the clone, be it too large to read.
    bool has(const std::string& path) const;
    // Names of the files in a directory, kept or in the clone, sorted.
    std::vector<std::string> list(const std::string& directory) const;

    // Whether there is such a directory in the clone, and no link in the way; "": the data directory itself.
    bool has_directory(const std::string& directory) const;

    // Takes these out of the clone; one that is not there is no error.
    Status take_out(const std::vector<std::string>& paths) const;
    // Empties a directory that the server has logged into; of the data directory itself, "", the files with the endings
    // of logs go.
    Status take_out_logs(const std::string& directory) const;

  private:
    fs::Path clone_;
    std::map<std::string, std::optional<std::string>> kept_;
};

}  // namespace polygon::bootstrap
