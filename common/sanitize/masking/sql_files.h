// The files of SQL that mask a clone's data: a folder of *.sql, each for one database or for every one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace polygon::sanitize {

struct SqlFile {
    std::filesystem::path path;           // absolute, as psql will name it
    std::optional<std::string> database;  // of its first line, "-- database: thai"; none: every database

    std::string name() const { return path.filename().string(); }
};

// The regular files *.sql of `folder`, links to files too, in the order of their names' bytes; those whose names begin
// with a dot are not taken, as a shell's *.sql does not. Errc::configuration for whatever would leave something
// unmasked in silence: no folder, no such file in it, one that is empty or cannot be read, a first line that is nearly
// "-- database: NAME" or names nothing, and one that stands further down.
Result<std::vector<SqlFile>> find_sql_files(const std::filesystem::path& folder);

}  // namespace polygon::sanitize
