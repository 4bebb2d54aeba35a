#include "common/postgres/binaries.h"

#include <cstdlib>

#include <fmt/format.h>

#include "common/process/child.h"

namespace polygon::postgres {
namespace {

using namespace std::chrono_literals;

// "postgres (PostgreSQL) 15.18 (Debian …)" -> 15; "… 18beta1" -> 18.
int parse_major(const std::string& text) {
    const std::size_t bracket = text.find(") ");
    return bracket == std::string::npos ? 0 : std::atoi(text.c_str() + bracket + 2);
}

Result<Binaries> ask(const std::filesystem::path& directory, Clock& clock) {
    Binaries binaries{.directory = directory};
    const auto finished =
        TRY(process::run_checked({.argv = {binaries.program("postgres"), "--version"}}, clock, Deadline(clock, 20s)));
    binaries.major_version = parse_major(finished.out);
    if (binaries.major_version == 0) {
        return Error{Errc::process_failed,
                     fmt::format("'{} --version' says '{}'", binaries.program("postgres"), finished.out),
                     "Set postgresql.bin_dir to the folder of PostgreSQL's server programs."};
    }
    return binaries;
}

}  // namespace

Result<Binaries> find_binaries(const std::filesystem::path& directory, int wanted_major, Clock& clock) {
    Result<Binaries> found = ask(directory, clock);
    if (found || !directory.empty()) return found;
    const std::filesystem::path debian = fmt::format("/usr/lib/postgresql/{}/bin", wanted_major);
    if (!std::filesystem::exists(debian / "postgres")) {
        return Error{Errc::process_failed, "no program 'postgres' in PATH",
                     "Set postgresql.bin_dir to the folder of PostgreSQL's server programs."};
    }
    return ask(debian, clock);
}

}  // namespace polygon::postgres
