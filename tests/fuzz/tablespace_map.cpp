#include <fmt/format.h>

#include "common/backup/tablespaces.h"
#include "tests/fuzz/subject.h"

namespace polygon::backup::fuzz {
namespace {

// As PostgreSQL writes it (src/backend/access/transam/xlog.c, do_pg_backup_start).
std::string write_map(const std::map<std::uint32_t, std::string>& map) {
    std::string text;
    for (const auto& [oid, path] : map) {
        text += fmt::format("{} ", oid);
        for (const char c : path) {
            if (c == '\n' || c == '\r' || c == '\\') text += '\\';
            text += c;
        }
        text += '\n';
    }
    return text;
}

}  // namespace

Verdict feed_tablespace_map(std::string_view bytes) {
    const auto map = parse_tablespace_map(bytes);
    if (!map) {
        require_refusal_of_backup(map.error());
        return Verdict::refused;
    }
    for (const auto& [oid, path] : *map) {
        require(oid != 0, "an oid is 0");
        require(!path.empty(), "a path is empty");
    }
    const auto again = parse_tablespace_map(write_map(*map));
    require(again && *again == *map, "a map that is written again reads in another way");
    return Verdict::accepted;
}

}  // namespace polygon::backup::fuzz
