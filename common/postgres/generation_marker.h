// polygon.json in a data directory: which generation it carries, from which backup, and how far its making has come.
// pg_basebackup copies it, so that replicas carry their leader's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace polygon::postgres {

// restoring: files or quarantine unfinished, nothing may start it; restored: ready for Patroni, not yet proven;
// proven: polygon-post-bootstrap has said yes.
enum class Stage { restoring, restored, proven };

// One setting of production's configuration files, none of which came to the clone.
struct LeftSetting {
    std::string name;
    std::optional<std::string> value;  // none where it may hold a secret
    std::string file;                  // below production's data directory
    bool is_behaviour = false;         // an application may notice its absence: locale, preloaded libraries, extensions

    bool operator==(const LeftSetting&) const = default;
};

struct GenerationMarker {
    std::string generation;
    Stage stage = Stage::restoring;
    std::string leader;        // the member that restored it
    std::string backup_label;  // the backup's folder
    std::string backup_time;   // as the manifest has it
    std::string backup_end_lsn;
    bool is_backup_verified = true;              // file by file, by its manifest
    std::string created_at;                      // UTC
    std::uint64_t source_system_identifier = 0;  // production's
    std::uint64_t system_identifier = 0;         // the polygon's; the same under `system_identifier: keep`
    std::vector<std::string> locked_roles;
    std::vector<std::string> superusers;   // who has that attribute, by the configuration or by PostgreSQL's insistence
    std::vector<std::string> named_roles;  // got a password of the polygon's
    std::vector<std::string> rotated_roles;
    std::vector<std::string> kept_roles;            // still open to production's password, by `keep`
    std::vector<std::string> production_verifiers;  // SHA-256 of each verifier that production had, keep aside
    std::vector<std::string> disarmed;              // one line each: what tied the clone to production
    std::vector<std::string> collations;            // one line each: what has another version here, with the remedy
    std::vector<std::string> kept_ties;             // "jobs", "extension citus": what the configuration keeps
    bool is_quarantined = true;                     // false: Patroni starts what was restored, and it is sanitised then
    std::vector<std::string> steps;                 // of sanitising, that are done
    std::string isolation;                          // of the quarantine: "network namespace", "socket filter", "none"
    std::vector<std::string> sql;                   // one line each: a file that was run, in which database, how long
    std::vector<std::string> old_rows;     // one line each: a table in whose dead rows masking has left what was there
    std::vector<std::string> unrefreshed;  // one line each: a materialized view with rows of before masking
    std::vector<std::string> left;         // one line each: what was left as it was, and why
    std::vector<LeftSetting> not_carried_over;  // production's settings
    std::vector<std::string> excluded;          // files and folders of production's that were not restored
    std::map<std::string, double> phase_seconds;
    std::string seal;  // of a staged clone (seal.h); empty: never sealed
};

// None if there is no polygon.json; Errc::data_directory_invalid if it cannot be understood.
Result<std::optional<GenerationMarker>> read_marker(const std::filesystem::path& data_directory);

Status write_marker(const std::filesystem::path& data_directory, const GenerationMarker& marker);

// The same as JSON text, for the certificate.
std::string to_json(const GenerationMarker& marker);
Result<GenerationMarker> marker_from_json(const std::string& text, const std::string& where);

}  // namespace polygon::postgres
