// Files that another program brings: kept apart in the staged directory until they are known to be good.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "common/backup/restore.h"
#include "common/base/result.h"
#include "common/fs/file.h"
#include "common/postgres/data_directory.h"

namespace polygon::bootstrap {

// Paths relative to the data directory that do not count: FileRules::is_left_out() for a clone. None: all count.
using LeftOut = std::function<bool(std::string_view path)>;

// `staged`/incoming, empty, 0701: as long as it is that open PostgreSQL does not start on it, and nobody else gets to
// it through the staged directory's 0700.
Result<fs::Path> open_incoming(const fs::Path& staged);

// Says beforehand which directories the program will fill, as links in the staged directory's pg_tblspc: whatever
// becomes of the program, who removes the staged directory removes them too. Errc::data_directory_occupied if one of
// them is not empty but for what `may_be_there` names, Errc::configuration if one is in the data directory or in
// another.
Status reserve_tablespaces(const postgres::Places& places,
                           const std::map<std::string /* name */, fs::Path>& tablespaces,
                           const std::function<bool(std::string_view name)>& may_be_there = {});

// "--tablespace-mapping=OLD=NEW" of pg_basebackup and pg_combinebackup.
std::string tablespace_option(const fs::Path& from, const fs::Path& to);

// Only regular files and directories, and in pg_tblspc links to one of `tablespaces`. What is left out is not looked
// at. Errc::backup_corrupt for anything else: a link may lead to production's own files; backup_incomplete for a link
// whose tablespace is not there.
Status check_entries(const fs::Path& incoming, const std::set<fs::Path>& tablespaces, const LeftOut& is_left_out);

// Removes what is left out, from the tablespaces too, and tells of each file before. Nothing more is removed once
// `tell` returns an error. Of files at the top that are small it has the content.
Status remove_left_out(const fs::Path& incoming, const LeftOut& is_left_out, const backup::LeftOutFile& tell);

// Moves everything up into `staged`, global/pg_control last and when all else is on disk. The links of
// reserve_tablespaces() that nothing has replaced go as well.
Status move_up(const fs::Path& staged);

}  // namespace polygon::bootstrap
