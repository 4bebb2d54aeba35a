// A production server of a test's own, backed up and cloned at the shared site.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/postgres/generation_marker.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {

using Lines = std::vector<std::string>;

struct Script {
    const char* database;
    const char* sql;
};

// As production's superuser `boss`.
void run_script(Site& site, const std::filesystem::path& socket, const Script& script);

// A plain backup of a production of its own, made by these scripts in their order.
std::filesystem::path back_up(const std::string& name, const std::vector<Script>& scripts);

// A bootstrap from that backup; `section` has further lines of the polygon section.
process::Finished bootstrap_from(const std::filesystem::path& backup, const std::string& section);

// The same, which has to succeed.
postgres::GenerationMarker clone_of(const std::filesystem::path& backup, const std::string& section);

// The same, which has to fail with this message and hint, and to leave nothing behind.
void check_refused(const std::filesystem::path& backup, const std::string& section, Errc code,
                   const std::string& message, const std::string& hint);

bool holds(const Lines& lines, const std::string& line);

// polygon-post-bootstrap on the clone's server.
process::Finished prove(const std::filesystem::path& socket);

}  // namespace polygon::test
