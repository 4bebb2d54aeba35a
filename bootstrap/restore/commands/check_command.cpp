#include "bootstrap/restore/commands/check_command.h"

#include <cstdio>
#include <optional>

#include <fmt/format.h>

#include "bootstrap/restore/commands/restore_command.h"
#include "bootstrap/restore/commands/supervised.h"
#include "bootstrap/restore/progress.h"
#include "bootstrap/restore/sources/wal_records.h"
#include "common/backup/facts.h"
#include "common/backup/restore.h"
#include "common/base/log.h"
#include "common/base/printable.h"

namespace polygon::bootstrap {
namespace {

// What was read of all backups together.
Status print_summary(const backup::Backup& backup, const backup::Restored& checked) {
    const int major = TRY(backup::read_major_version(backup));
    fmt::print("{}: {} files, {} bytes, {} in {:.1f} s; taken {}, PostgreSQL {}, {}\n", printable(backup.label),
               checked.files, checked.bytes,
               backup.has_manifest ? "verified" : "read, but not verified (no backup_manifest),",
               std::chrono::duration<double>(checked.elapsed).count(), backup.manifest.last_modified, major,
               printable(backup.earlier.empty() ? describe_format(backup) : describe_chain(backup)));
    std::fflush(stdout);
    return {};
}

Result<backup::Restored> check_one(const backup::Backup& backup, backup::Wal wal, Progress& progress, Clock& clock) {
    progress.enter("check", backup.continues ? fmt::format("checking '{}'", backup.label) : "checking");
    backup::Restored checked =
        TRY(backup::check({.backup = backup,
                           .wal = wal,
                           .on_progress = [&](const backup::Progress& now) { progress.report(now); },
                           .on_problem = [](const std::string& problem) { log_warning(problem); }},
                          clock));
    progress.complete();
    return checked;
}

// WAL is read record by record where it lies in files: pg_waldump reads no archives.
Result<std::optional<postgres::Binaries>> find_reader(const CheckCommand& command, const backup::Backup& backup,
                                                      Clock& clock) {
    if (backup.format != backup::Format::plain) return std::optional<postgres::Binaries>();
    return find_wal_reader_for(backup, command.wal, command.bin_dir, clock);
}

// Every backup of a chain, whatever is wrong with one of them. Recovery takes the WAL of the last.
Status check_files(const CheckCommand& command, const backup::Backup& backup, Progress& progress, Clock& clock) {
    const auto wal_reader = TRY(find_reader(command, backup, clock));
    backup::Restored all;
    std::optional<Error> failure;
    const auto add = [&](const Result<backup::Restored>& checked) {
        if (!checked) {
            if (failure) log_warning(checked.error().message);
            if (!failure) failure = checked.error();
            return;
        }
        all.files += checked->files;
        all.bytes += checked->bytes;
        all.elapsed += checked->elapsed;
    };
    for (const backup::Backup& earlier : backup.earlier)
        add(check_one(earlier, backup::Wal::elsewhere, progress, clock));
    add(check_one(backup, command.wal, progress, clock));
    if (failure) return *failure;
    if (wal_reader) TRY(check_wal_with(*wal_reader, backup.manifest, clock)(backup.directory / "pg_wal"));
    return print_summary(backup, all);
}

}  // namespace

std::string describe_format(const backup::Backup& backup) {
    if (backup.format == backup::Format::plain) return "plain";
    const std::string extension = backup.archives.front().path.extension();
    if (extension == ".gz") return "tar, gzip";
    if (extension == ".zst") return "tar, zstd";
    if (extension == ".lz4") return "tar, lz4";
    return "tar, not compressed";
}

std::string describe_chain(const backup::Backup& backup) {
    std::string list;
    for (const backup::Backup& earlier : backup.earlier)
        list += fmt::format("'{}' ({}), ", earlier.label, describe_format(earlier));
    return fmt::format("incremental, takes {} backups: {}'{}' ({})", backup.earlier.size() + 1, list, backup.label,
                       describe_format(backup));
}

Result<int> check(const CheckCommand& command, Clock& clock) {
    Progress progress(clock, command.status_file);
    progress.enter("plan");
    const Result<backup::Backup> backup = find_backup_in(command.source, command.missing_manifest);
    if (!backup) {
        progress.end(backup.error());
        return backup.error();
    }
    const auto work = [&]() -> Status {
        const Status done = check_files(command, *backup, progress, clock);
        progress.end(done);
        return done;
    };
    // Nothing to undo but what is on the terminal and in the status file.
    return run_supervised(work, [&](const Ending& ending) {
        const std::string end = describe(ending);
        if (!end.empty()) progress.end_from_outside(end);
        if (ending.interrupted_by != 0) log_warning(end);
    });
}

}  // namespace polygon::bootstrap
