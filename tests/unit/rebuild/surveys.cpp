#include "tests/unit/rebuild/surveys.h"

#include <fmt/format.h>

namespace polygon::rebuild {

std::string report_text(std::uint64_t needed_bytes, std::uint64_t free_bytes) {
    return fmt::format(R"({{"scope": "polygon", "member": "polygon1",
        "source": {{"directory": "/backups/monday", "label": "monday", "time": "2026-11-20 02:00:00 GMT",
                    "identity": "abc", "postgresql": 15, "bytes": {}, "wal_bytes": 16777216}},
        "quarantine": "on", "subscriptions": "drop", "jobs": "disable", "foreign_servers": "detach",
        "roles": {{"named": [], "keep": [], "unlisted": "lock"}}, "databases": {{"drop": ["audit"], "rename": {{}}}},
        "sql": [], "data_directory_bytes": {},
        "space": [{{"needed_bytes": {}, "free_bytes": {}, "is_enough": true,
                    "needs": [{{"what": "data", "path": "/data/staged", "bytes": 1, "is_estimated": false}}]}}]}})",
                       kBackupBytes, kBackupBytes, needed_bytes, free_bytes);
}

Survey good_survey() {
    Survey survey;
    survey.cluster = {.initialize = "100", .leader = "polygon2", .members = {}, .has_config = true};
    for (const char* name : {"polygon1", "polygon2", "polygon3"}) {
        survey.cluster.members.push_back({.name = name, .state = "running"});
        survey.nodes[name] = {
            .node = {.name = name,
                     .version = "0.1.0",
                     .free_bytes = 2 * kBackupBytes,
                     .used_bytes = kBackupBytes,
                     .postgres_major = 15,
                     .system = "glibc 2.36"},
            .report = parse_report(report_text(kBackupBytes, 2 * kBackupBytes)),
            .proof =
                etcd::NodeProof{
                    .role = etcd::ServerRole::standby,
                    .logins = {{.role = "superuser", .user = "postgres", .member = name, .address = "localhost:5432"}}},
            .error = ""};
    }
    return survey;
}

}  // namespace polygon::rebuild
