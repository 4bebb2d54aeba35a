// Where the clone's files come from.
#pragma once

#include <map>
#include <string>
#include <variant>

#include "common/backup/location.h"
#include "common/fs/file.h"
#include "common/patroni/polygon_settings.h"
#include "common/postgres/conninfo.h"

namespace polygon::bootstrap {

// A tablespace of the server: where it is there, and where the clone's files of it are staged here.
struct LiveTablespace {
    std::string production_path;
    fs::Path staged_path;
};

// A running server, primary or standby, of which pg_basebackup takes a backup.
struct LiveServer {
    postgres::Conninfo conninfo;
    int major_version = 0;
    std::map<std::string /* oid */, LiveTablespace> tablespaces;
    patroni::OptionalText max_rate;
    patroni::WireCompression compression = patroni::WireCompression::none;
};

// The user's own command, which fills a directory.
struct FillingCommand {
    std::string text;  // with {datadir} in it
    std::string origin;
};

using DataSource = std::variant<backup::Backup, LiveServer, FillingCommand>;

}  // namespace polygon::bootstrap
