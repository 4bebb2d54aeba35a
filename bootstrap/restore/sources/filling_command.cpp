#include "bootstrap/restore/sources/filling_command.h"

#include <charconv>

#include <fmt/format.h>

#include "bootstrap/restore/recovery.h"
#include "bootstrap/restore/sources/followed_program.h"
#include "bootstrap/restore/sources/incoming.h"
#include "bootstrap/restore/sources/wal_records.h"
#include "common/backup/backup_label.h"
#include "common/backup/restore.h"
#include "common/backup/tablespaces.h"
#include "common/base/log.h"
#include "common/base/printable.h"
#include "common/postgres/control_file.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

constexpr std::string_view kPlaceholder = "{datadir}";
constexpr const char* kAskTool = "Look at what the command restores, and whether it ended before all was there.";

std::string quote_for_shell(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text)
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

Error incomplete(std::string_view what, std::string hint = kAskTool) {
    return {Errc::backup_incomplete, fmt::format("the command of polygon.source brought {}", what), std::move(hint)};
}

bool is_there(const fs::Path& path) {
    std::error_code error;
    return stdfs::exists(stdfs::symlink_status(path, error));
}

Status run(const FillingCommand& command, const postgres::Places& places, const fs::Path& incoming, Clock& clock) {
    const auto on_line = [](const std::string& line) {
        log_info("source.command: " + line);
        return Said::message;
    };
    return run_followed({.command = {.argv = {"/bin/sh", "-c", fill_in(command, incoming)},
                                     .output_file = places.staged / "command.log"},
                         .name = fmt::format("the command of polygon.source ({})", command.origin),
                         .on_line = on_line},
                        clock);
}

Result<int> read_major(const fs::Path& incoming) {
    if (!is_there(incoming / "PG_VERSION")) return incomplete("no PG_VERSION");
    const std::string text = TRY(fs::read_file(incoming / "PG_VERSION"));
    int major = 0;
    std::from_chars(text.data(), text.data() + text.size(), major);
    if (major > 0) return major;
    return incomplete(fmt::format("a PG_VERSION that says '{}'", printable(text)));
}

// The links have to be there already: PostgreSQL would make them by this map, to where they were on production.
Status check_tablespace_map(const fs::Path& incoming) {
    if (!is_there(incoming / "tablespace_map")) return {};
    for (const auto& [oid, path] : TRY(backup::parse_tablespace_map(TRY(fs::read_file(incoming / "tablespace_map"))))) {
        if (is_there(incoming / "pg_tblspc" / std::to_string(oid))) continue;
        return incomplete(fmt::format("no tablespace {} ('{}'), which its tablespace_map names", oid, printable(path)));
    }
    return {};
}

Status check_wal(const fs::Path& incoming, const backup::BackupLabel& label, const patroni::PolygonSettings& settings) {
    if (settings.recovery.restore_command.value || is_there(incoming / "pg_wal" / label.start_segment)) return {};
    return incomplete(fmt::format("no WAL to start from: segment {} is not in pg_wal", label.start_segment),
                      "Let it restore the WAL as well, or configure recovery.restore_command.");
}

}  // namespace

Result<bool> verify_filled(const fs::Path& incoming, const Filled& filled, const Plan& plan, Progress& progress,
                           Clock& clock) {
    if (!is_there(incoming / "backup_manifest")) {
        if (plan.settings.source->verify.value == patroni::Verification::manifest) {
            return incomplete("no backup_manifest",
                              fmt::format("Let it restore one, or take 'verify: manifest' ({}) out of polygon.source.",
                                          plan.settings.source->verify.origin));
        }
        log_warning("there is no backup_manifest: whether the files are production's is for the command to know");
        return false;
    }
    backup::Backup backup = TRY(backup::open_backup(incoming));
    backup.label = filled.label;
    const backup::Wal wal = recovered_from(plan.settings.recovery);
    progress.enter("check", "comparing with the manifest");
    TRY(backup::check({.backup = backup,
                       .wal = wal,
                       .on_progress = [&](const backup::Progress& now) { progress.report(now); },
                       .on_problem = [](const std::string& problem) { log_warning(problem); }},
                      clock));
    if (wal == backup::Wal::in_backup) {
        TRY(check_wal_with(plan.binaries, backup.manifest, clock)(incoming / "pg_wal"));
    }
    progress.complete();
    log_info("the files are what the backup's manifest says");
    return true;
}

Result<FillingCommand> parse_command(const patroni::Source& source) {
    if (source.value.find(kPlaceholder) != std::string::npos) return FillingCommand{source.value, source.origin};
    return Error{Errc::configuration,
                 fmt::format("polygon.source.command ({}) does not say where to restore to", source.origin),
                 "Write {datadir} where the command takes the directory."};
}

std::string fill_in(const FillingCommand& command, const fs::Path& directory) {
    std::string text = command.text;
    const std::string quoted = quote_for_shell(directory.string());
    for (std::size_t at = text.find(kPlaceholder); at != std::string::npos;
         at = text.find(kPlaceholder, at + quoted.size())) {
        text.replace(at, kPlaceholder.size(), quoted);
    }
    return text;
}

Result<Filled> fill(const FillingCommand& command, const patroni::PolygonSettings& settings,
                    const postgres::Places& places, const fs::Path& incoming, const LeftOut& is_left_out,
                    Clock& clock) {
    std::map<std::string, fs::Path> reserved;
    std::set<fs::Path> allowed;
    for (const auto& [production, here] : settings.tablespaces.value) {
        const fs::Path staged = here + postgres::kStagedSuffix;
        reserved[fmt::format("expected-{}", reserved.size())] = staged;
        allowed.insert(staged.lexically_normal());
    }
    TRY(reserve_tablespaces(places, reserved));
    TRY(run(command, places, incoming, clock));
    TRY(check_entries(incoming, allowed, is_left_out));
    Filled filled{.major_version = TRY(read_major(incoming))};
    TRY(postgres::read_control_file(incoming));
    // Without it PostgreSQL would start from pg_control's checkpoint, which is later than the copy's begin.
    if (!is_there(incoming / "backup_label")) return incomplete("no backup_label");
    const backup::BackupLabel label = TRY(backup::parse_backup_label(TRY(fs::read_file(incoming / "backup_label"))));
    TRY(check_wal(incoming, label, settings));
    TRY(check_tablespace_map(incoming));
    filled.label = label.label;
    filled.start_time = label.start_time;
    return filled;
}

}  // namespace polygon::bootstrap
