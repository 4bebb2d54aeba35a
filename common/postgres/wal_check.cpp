#include "common/postgres/wal_check.h"

#include <fmt/format.h>

#include "common/process/child.h"
#include "common/process/environment.h"

namespace polygon::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto kTimeLimit = 24h;  // a range may be terabytes; this only ends a program that hangs
constexpr int kFirstSignalStatus = 128;

std::string last_line(std::string text) {
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    const std::size_t line_feed = text.rfind('\n');
    return line_feed == std::string::npos ? text : text.substr(line_feed + 1);
}

process::Command waldump(const Binaries& binaries, const std::filesystem::path& directory, const WalRange& range) {
    process::Environment environment = process::own_environment();
    environment["LC_ALL"] = "C";
    return {
        .argv = {binaries.program("pg_waldump"), "--quiet", "--path=" + directory.string(),
                 fmt::format("--timeline={}", range.timeline), "--start=" + range.start_lsn, "--end=" + range.end_lsn},
        .environment = std::move(environment)};
}

Status check_range(const Binaries& binaries, const std::filesystem::path& directory, const WalRange& range,
                   Clock& clock) {
    const process::Command command = waldump(binaries, directory, range);
    const process::Finished finished = TRY(process::run(command, clock, Deadline(clock, kTimeLimit)));
    if (finished.exit_status == 0) return {};
    const std::string reason = last_line(finished.err);
    if (finished.exit_status >= kFirstSignalStatus) {
        return Error{
            Errc::process_failed,
            fmt::format("'{}' ended with status {}: {}", process::describe(command), finished.exit_status, reason),
            "Find out what ended it, and repeat."};
    }
    return Error{Errc::backup_corrupt,
                 fmt::format("WAL of timeline {} from {} to {} in '{}' cannot be read: {}", range.timeline,
                             range.start_lsn, range.end_lsn, directory.string(), reason),
                 "Copy the backup again, or restore another one; pg_verifybackup reads its WAL the same way."};
}

}  // namespace

Status check_wal_records(const Binaries& binaries, const std::filesystem::path& wal_directory,
                         const std::vector<WalRange>& ranges, Clock& clock) {
    for (const WalRange& range : ranges) {
        // A timeline that ended where the backup begins: nothing to read, which pg_waldump takes for an error.
        if (range.start_lsn == range.end_lsn) continue;
        TRY(check_range(binaries, wal_directory, range, clock));
    }
    return {};
}

}  // namespace polygon::postgres
