#include "bootstrap/restore/commands/restore_command.h"

#include <optional>

#include <fmt/format.h>

#include "bootstrap/restore/commands/check_command.h"
#include "bootstrap/restore/commands/destination.h"
#include "bootstrap/restore/commands/leftover.h"
#include "bootstrap/restore/commands/supervised.h"
#include "bootstrap/restore/progress.h"
#include "bootstrap/restore/sources/combine.h"
#include "bootstrap/restore/sources/find_backup.h"
#include "bootstrap/restore/sources/wal_records.h"
#include "bootstrap/restore/space.h"
#include "common/backup/facts.h"
#include "common/base/log.h"
#include "common/postgres/binaries.h"
#include "common/postgres/control_file.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

// Without a slash at its end, so that it has a name.
stdfs::path full_path(const std::string& text) {
    const stdfs::path path = stdfs::absolute(text).lexically_normal();
    return path.has_filename() ? path : path.parent_path();
}

// One path of "OLD=NEW", up to the first '=' without a backslash before it; `rest` begins behind that.
std::string take_path(std::string_view& rest) {
    std::string path;
    while (!rest.empty() && rest.front() != '=') {
        if (rest.starts_with("\\=")) rest.remove_prefix(1);
        path += rest.front();
        rest.remove_prefix(1);
    }
    return path;
}

Error not_a_mapping(const std::string& option) {
    return {Errc::usage, fmt::format("--tablespace '{}' is not OLD=NEW, two absolute paths", option),
            "Write, for example, --tablespace /production/fast=/var/lib/postgresql/fast."};
}

using Destinations = std::vector<Destination>;

void put_back(const Destinations& destinations) {
    for (const Destination& destination : destinations) {
        if (const Status done = destination.put_back(); !done)
            log_warning("a part of the unfinished restore stays behind: " + done.error().message);
    }
}

// The data directory last (leftover.h).
Status settle(const Destinations& destinations) {
    for (auto destination = destinations.rbegin(); destination != destinations.rend(); ++destination)
        TRY(destination->settle());
    return {};
}

// All or none. The data directory first.
Result<Destinations> take_destinations(const stdfs::path& data_directory,
                                       const backup::TablespaceMapping& tablespaces) {
    std::vector<stdfs::path> directories = {data_directory};
    for (const auto& [production, here] : tablespaces)
        directories.push_back(here);
    Destinations destinations;
    for (const stdfs::path& directory : directories) {
        Result<Destination> destination = Destination::take(directory);
        if (!destination) {
            put_back(destinations);
            return destination.error();
        }
        destinations.push_back(std::move(*destination));
    }
    return destinations;
}

// The engine's hint names the configuration, of which there is none here.
Error without_configuration(Error error) {
    if (error.code == Errc::configuration) {
        error.hint =
            "Give each tablespace an empty directory of its own, outside the data directory: --tablespace OLD=NEW.";
    }
    return error;
}

// What is decided before anything is written, and the directories held for it.
struct Prepared {
    stdfs::path data_directory;
    backup::TablespaceMapping tablespaces;
    backup::Backup backup;
    std::optional<postgres::Binaries> wal_reader;
    postgres::Binaries combiner;  // of an incremental backup
    Destinations destinations;
};

backup::RestoreRequest make_request(const RestoreCommand& command, const Prepared& prepared) {
    return {.backup = prepared.backup,
            .data_directory = prepared.data_directory,
            .tablespaces = prepared.tablespaces,
            .may_be_there = [](std::string_view name) { return name == kIncompleteMark; },
            .is_left_out = [](std::string_view path) { return stdfs::path(path).filename() == kIncompleteMark; },
            .wal = command.wal,
            .on_problem = [](const std::string& problem) { log_warning(problem); }};
}

Result<postgres::Binaries> find_combiner_for(const backup::Backup& backup, const RestoreCommand& command,
                                             Clock& clock) {
    return postgres::find_combiner(command.bin_dir, TRY(backup::read_major_version(backup)), clock);
}

Result<Prepared> prepare(const RestoreCommand& command, Clock& clock) {
    Prepared prepared{.data_directory = full_path(command.data_directory)};
    prepared.tablespaces = TRY(parse_tablespaces(command.tablespaces));
    prepared.backup = TRY(find_backup_in(command.source, command.missing_manifest));
    prepared.wal_reader = TRY(find_wal_reader_for(prepared.backup, command.wal, command.bin_dir, clock));
    if (prepared.backup.continues) prepared.combiner = TRY(find_combiner_for(prepared.backup, command, clock));
    TRY(require_space_for(make_request(command, prepared)));
    prepared.destinations = TRY(take_destinations(prepared.data_directory, prepared.tablespaces));
    return prepared;
}

Status restore_files(const backup::RestoreRequest& request, const Prepared& prepared, Progress& progress,
                     Clock& clock) {
    progress.enter("restore", "restoring");
    const auto restored = prepared.backup.continues ? combine(request, prepared.combiner, progress, clock)
                                                    : backup::restore(request, clock);
    if (!restored) return without_configuration(restored.error());
    // What a manifest vouches for otherwise.
    if (!request.backup.has_manifest) TRY(postgres::read_control_file(request.data_directory));
    TRY(settle(prepared.destinations));
    log_info(request.backup.has_manifest ? "restored and verified" : "restored, not verified",
             {{"data_directory", request.data_directory.string()},
              {"files", restored->files},
              {"bytes", restored->bytes},
              {"seconds", fmt::format("{:.1f}", std::chrono::duration<double>(restored->elapsed).count())}});
    return {};
}

}  // namespace

Result<backup::TablespaceMapping> parse_tablespaces(const std::vector<std::string>& options) {
    backup::TablespaceMapping tablespaces;
    for (const std::string& option : options) {
        std::string_view rest = option;
        const std::string production = take_path(rest);
        if (rest.empty()) return not_a_mapping(option);
        rest.remove_prefix(1);
        const std::string here = take_path(rest);
        if (!rest.empty() || !production.starts_with('/') || !here.starts_with('/')) return not_a_mapping(option);
        if (!tablespaces.emplace(production, full_path(here)).second) {
            return Error{Errc::usage, fmt::format("--tablespace names '{}' twice", production), "Leave one of them."};
        }
    }
    return tablespaces;
}

Result<backup::Backup> find_backup_in(const std::string& source, backup::MissingManifest missing) {
    backup::Located located = TRY(find_backup(full_path(source), missing));
    log_info("found the backup", {{"backup", located.backup.label},
                                  {"from", located.backup.directory.string()},
                                  {"time", located.backup.manifest.last_modified},
                                  {"bytes", located.backup.manifest.total_bytes()}});
    if (located.backup.continues) log_info("it is " + describe_chain(located.backup));
    return std::move(located.backup);
}

Result<int> restore(const RestoreCommand& command, Clock& clock) {
    Progress progress(clock, command.status_file);
    progress.enter("plan");
    const Result<Prepared> prepared = prepare(command, clock);
    if (!prepared) {
        progress.end(prepared.error());
        return prepared.error();
    }
    const auto work = [&]() -> Status {
        backup::RestoreRequest request = make_request(command, *prepared);
        if (prepared->wal_reader)
            request.check_wal = check_wal_with(*prepared->wal_reader, prepared->backup.manifest, clock);
        request.on_progress = [&](const backup::Progress& now) { progress.report(now); };
        const Status done = restore_files(request, *prepared, progress, clock);
        if (done) progress.complete();
        progress.end(done);
        return done;
    };
    const auto undo = [&](const Ending& ending) {
        const std::string end = describe(ending);
        if (!end.empty()) progress.end_from_outside(end);
        if (ending.interrupted_by != 0) log_warning(end);
        put_back(prepared->destinations);
    };
    return run_supervised(work, undo);
}

}  // namespace polygon::bootstrap
