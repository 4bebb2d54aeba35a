#include "common/postgres/binaries.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "common/process/environment.h"

namespace polygon::postgres {
namespace {

using namespace std::chrono_literals;

constexpr const char* kServer = "postgres";
constexpr const char* kWalReader = "pg_waldump";
constexpr const char* kCombiner = "pg_combinebackup";

// "postgres (PostgreSQL) 15.18 (Debian …)" -> 15; "… 18beta1" -> 18.
int parse_major(const std::string& text) {
    const std::size_t bracket = text.find(") ");
    return bracket == std::string::npos ? 0 : std::atoi(text.c_str() + bracket + 2);
}

std::filesystem::path debian_directory(int major) {
    return fmt::format("/usr/lib/postgresql/{}/bin", major);
}

Result<Binaries> ask(const std::filesystem::path& directory, const std::string& name, Clock& clock) {
    Binaries binaries{.directory = directory};
    const std::string program = binaries.program(name);
    const auto finished = TRY(process::run_checked({.argv = {program, "--version"}}, clock, Deadline(clock, 20s)));
    binaries.major_version = parse_major(finished.out);
    if (binaries.major_version == 0) {
        return Error{Errc::process_failed, fmt::format("'{} --version' says '{}'", program, finished.out),
                     "Set postgresql.bin_dir to the folder of PostgreSQL's server programs."};
    }
    return binaries;
}

// A program of exactly this major version. In `directory` it has to be there, unless that is empty.
Result<std::optional<Binaries>> find_exact(const std::filesystem::path& directory, const std::string& program,
                                           int major, Clock& clock) {
    if (!directory.empty()) {
        Binaries found = TRY(ask(directory, program, clock));
        if (found.major_version == major) return std::optional(std::move(found));
        return Error{Errc::version_mismatch,
                     fmt::format("the programs in '{}' are of PostgreSQL {}, the backup is of {}", directory.string(),
                                 found.major_version, major),
                     fmt::format("Name the folder of PostgreSQL {}'s programs.", major)};
    }
    for (const std::filesystem::path& place : {debian_directory(major), std::filesystem::path()}) {
        Result<Binaries> found = ask(place, program, clock);
        if (found && found->major_version == major) return std::optional(std::move(*found));
    }
    return std::optional<Binaries>();
}

// As the server itself finds its program (find_my_exec(), src/common/exec.c): links resolved.
std::optional<std::filesystem::path> find_server_program(const Binaries& binaries) {
    const char* variable = std::getenv("PATH");
    std::string_view rest = variable == nullptr ? "" : variable;
    const std::string listed = binaries.directory.string();
    if (!listed.empty()) rest = listed;
    std::error_code error;
    while (!rest.empty()) {
        const std::string_view directory = rest.substr(0, listed.empty() ? rest.find(':') : rest.size());
        rest.remove_prefix(std::min(directory.size() + 1, rest.size()));
        std::filesystem::path program = std::filesystem::canonical(std::filesystem::path(directory) / kServer, error);
        if (!error) return program;
    }
    return std::nullopt;
}

}  // namespace

process::Environment clean_environment() {
    process::Environment environment = process::own_environment();
    std::erase_if(environment, [](const auto& variable) { return variable.first.starts_with("PG"); });
    environment["LC_ALL"] = "C";
    environment["PGTZ"] = "UTC";
    return environment;
}

Result<Binaries> find_binaries(const std::filesystem::path& directory, int wanted_major, Clock& clock) {
    Result<Binaries> found = ask(directory, kServer, clock);
    if (found || !directory.empty()) return found;
    const std::filesystem::path debian = debian_directory(wanted_major);
    if (!std::filesystem::exists(debian / kServer)) {
        return Error{Errc::process_failed, "no program 'postgres' in PATH",
                     "Set postgresql.bin_dir to the folder of PostgreSQL's server programs."};
    }
    return ask(debian, kServer, clock);
}

Result<std::optional<Binaries>> find_wal_reader(const std::filesystem::path& directory, int major, Clock& clock) {
    return find_exact(directory, kWalReader, major, clock);
}

Result<Binaries> find_combiner(const std::filesystem::path& directory, int major, Clock& clock) {
    const std::string hint = fmt::format(
        "Install it (Debian's package postgresql-client-{}), or name the folder of PostgreSQL {}'s programs.", major,
        major);
    Result<std::optional<Binaries>> found = find_exact(directory, kCombiner, major, clock);
    if (found && *found) return std::move(**found);
    if (!found && found.error().code == Errc::version_mismatch) return found.error();
    return Error{Errc::process_failed,
                 found ? fmt::format("no {} of PostgreSQL {} to combine an incremental backup with", kCombiner, major)
                       : fmt::format("an incremental backup cannot be combined: {}", found.error().message),
                 hint};
}

// make_relative_path(PKGLIBDIR, PGBINDIR) is one of these: Debian's packages and those of PGDG, and a build with other
// paths in one prefix. Every server comes with plpgsql.
std::optional<std::filesystem::path> find_library_directory(const Binaries& binaries) {
    const auto program = find_server_program(binaries);
    if (!program) return std::nullopt;
    std::error_code error;
    for (const char* relative : {"../lib", "../lib/postgresql"}) {
        std::filesystem::path directory = (program->parent_path() / relative).lexically_normal();
        if (std::filesystem::exists(directory / "plpgsql.so", error)) return directory;
    }
    return std::nullopt;
}

}  // namespace polygon::postgres
