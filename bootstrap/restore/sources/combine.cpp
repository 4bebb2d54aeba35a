#include "bootstrap/restore/sources/combine.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "bootstrap/restore/files/own_configuration.h"
#include "bootstrap/restore/sources/arriving_files.h"
#include "bootstrap/restore/sources/followed_program.h"
#include "bootstrap/restore/sources/incoming.h"
#include "bootstrap/restore/space.h"
#include "common/backup/chain.h"
#include "common/base/log.h"
#include "common/process/environment.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

// Below the data directory and below each tablespace's place.
constexpr const char* kUnpacked = "unpacked";
constexpr const char* kCombined = "incoming";
constexpr const char* kManifest = "backup_manifest";

// Of that mode, made if it is missing.
Status open_directory(const fs::Path& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
        return errno_error(Errc::io, fmt::format("cannot create '{}'", path.string()), errno);
    }
    if (::chmod(path.c_str(), mode) == 0) return {};
    return errno_error(Errc::io, fmt::format("cannot set the mode of '{}'", path.string()), errno);
}

// Out of it pg_combinebackup takes the checksums of the files that it takes over whole.
Status copy_manifest(const fs::Path& from, const fs::Path& to) {
    std::error_code error;
    stdfs::copy_file(from / kManifest, to / kManifest, error);
    if (!error) return {};
    return errno_error(Errc::io, fmt::format("cannot copy '{}' to '{}'", (from / kManifest).string(), to.string()),
                       error.value());
}

// The algorithm of the backup's own manifest: files that are taken over whole keep the checksums that they were
// verified by. Without one what comes out could not be verified.
backup::ChecksumAlgorithm algorithm_for(const backup::Manifest& manifest) {
    const backup::ManifestFile* version = manifest.find("PG_VERSION");
    const bool has_checksums = version != nullptr && version->algorithm != backup::ChecksumAlgorithm::none;
    return has_checksums ? version->algorithm : backup::ChecksumAlgorithm::crc32c;
}

// pg_combinebackup lets a group read what it could read of the backup. The directory itself keeps its mode.
Status withdraw_access(const fs::Path& directory) {
    std::error_code error;
    for (stdfs::recursive_directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        if (entry->is_symlink(error) || error) continue;
        stdfs::permissions(entry->path(), stdfs::perms::group_all | stdfs::perms::others_all,
                           stdfs::perm_options::remove, error);
        if (error) break;
    }
    if (!error) return {};
    return errno_error(Errc::io, fmt::format("cannot set modes in '{}'", directory.string()), error.value());
}

Status move_children(const fs::Path& from, const fs::Path& to) {
    std::error_code error;
    std::vector<fs::Path> children;
    for (stdfs::directory_iterator entry(from, error), end; !error && entry != end; entry.increment(error))
        children.push_back(entry->path());
    for (const fs::Path& child : children) {
        if (!error) stdfs::rename(child, to / child.filename(), error);
    }
    if (!error) stdfs::remove(from, error);
    if (!error) return {};
    return errno_error(Errc::io, fmt::format("cannot move '{}' to '{}'", from.string(), to.string()), error.value());
}

using Moment = std::pair<std::int64_t, std::int64_t>;  // seconds and nanoseconds

// Of the files, and of the directories, which a removal or renaming changes.
Result<Moment> newest_change(const backup::Backup& member) {
    Moment newest;
    const auto look_at = [&newest](const fs::Path& path) {
        struct stat found = {};
        if (::stat(path.c_str(), &found) == 0)
            newest = std::max(newest, Moment{found.st_ctim.tv_sec, found.st_ctim.tv_nsec});
    };
    for (const backup::Archive& archive : member.archives) {
        look_at(archive.path);
        std::error_code error;
        for (stdfs::recursive_directory_iterator entry(archive.path, error), end; !error && entry != end;
             entry.increment(error)) {
            look_at(entry->path());
        }
        if (error) return errno_error(Errc::io, fmt::format("cannot read '{}'", archive.path.string()), error.value());
    }
    return newest;
}

// Of an earlier backup.
bool is_not_taken_over(std::string_view path) {
    return path == "postgresql.conf" || path.starts_with("pg_wal/");
}

// One run, its steps in their order.
class Combination {
  public:
    Combination(const backup::RestoreRequest& request, const postgres::Binaries& combiner, Progress& progress,
                Clock& clock)
        : request_(request),
          combiner_(combiner),
          progress_(progress),
          clock_(clock),
          algorithm_(algorithm_for(request.backup.manifest)) {}

    Result<backup::Restored> run();

  private:
    struct Place {
        backup::Tablespace tablespace;
        fs::Path unpacked;  // the directory of all backups' files of it
        fs::Path combined;
    };

    Status open_places();
    std::vector<const backup::Backup*> members() const;
    Result<std::vector<fs::Path>> provide_all();
    Result<fs::Path> provide(const backup::Backup& member);
    Result<fs::Path> check_in_place(const backup::Backup& member);
    Result<fs::Path> unpack(const backup::Backup& member);
    Result<backup::TablespaceMapping> unpacked_tablespaces(const backup::Backup& member, const std::string& name);
    backup::Wal wal_of(const backup::Backup& member) const;
    Result<std::vector<fs::Path>> open_combined();
    Status run_program(const std::vector<fs::Path>& inputs);
    Status require_unchanged() const;
    Result<std::vector<std::string>> argv(const std::vector<fs::Path>& inputs) const;
    Status remove_unpacked() const;
    Result<backup::Restored> verify(const ArrivingFiles& arrived);
    Status settle() const;
    void report(const backup::Progress& now) { progress_.report(now); }

    const backup::RestoreRequest& request_;
    const postgres::Binaries& combiner_;
    Progress& progress_;
    Clock& clock_;
    const backup::ChecksumAlgorithm algorithm_;                 // of the manifest that comes of it
    std::vector<Place> places_;                                 // of the last backup's tablespaces
    std::map<const backup::Backup*, Moment> checked_in_place_;  // with their newest change before
    fs::Path combined_;
    int unpacked_count_ = 0;
};

Result<backup::Restored> Combination::run() {
    TRY(open_places());
    const std::vector<fs::Path> inputs = TRY(provide_all());
    ArrivingFiles arriving(TRY(open_combined()), algorithm_);
    TRY(run_program(inputs));
    arriving.finish();
    TRY(require_unchanged());
    TRY(remove_unpacked());
    backup::Restored restored = TRY(verify(arriving));
    TRY(settle());
    return restored;
}

Status Combination::open_places() {
    const std::vector<PlacedTablespace> tablespaces = TRY(find_tablespaces(request_.backup, request_.tablespaces));
    TRY(require_places(tablespaces, request_.backup.label));
    std::map<std::string, fs::Path> reserved;
    for (const PlacedTablespace& tablespace : tablespaces) {
        const fs::Path here = tablespace.here->string() + request_.tablespace_suffix;
        reserved[std::to_string(tablespace.oid)] = here;
        places_.push_back({.tablespace = {tablespace.oid, tablespace.production_path, here},
                           .unpacked = here / kUnpacked,
                           .combined = here / kCombined});
    }
    const fs::Path& data = request_.data_directory;
    TRY(reserve_tablespaces({.data = data, .staged = data, .previous = data}, reserved, request_.may_be_there));
    TRY(open_directory(data, 0700));
    for (const auto& [name, place] : reserved)
        TRY(open_directory(place, 0700));
    return {};
}

// Oldest first.
std::vector<const backup::Backup*> Combination::members() const {
    std::vector<const backup::Backup*> members;
    for (const backup::Backup& earlier : request_.backup.earlier)
        members.push_back(&earlier);
    members.push_back(&request_.backup);
    return members;
}

// All that is wrong is told: once one has failed, the others are only checked.
Result<std::vector<fs::Path>> Combination::provide_all() {
    std::vector<fs::Path> inputs;
    std::optional<Error> failure;
    for (const backup::Backup* member : members()) {
        Result<fs::Path> provided = failure ? check_in_place(*member) : provide(*member);
        if (provided) inputs.push_back(std::move(*provided));
        if (!provided && !failure) failure = provided.error();
    }
    if (failure) return *failure;
    return inputs;
}

// A directory that pg_combinebackup can read and whose every byte has been verified.
Result<fs::Path> Combination::provide(const backup::Backup& member) {
    return backup::is_combined_in_place(member) ? check_in_place(member) : unpack(member);
}

Result<fs::Path> Combination::check_in_place(const backup::Backup& member) {
    progress_.enter("check", fmt::format("checking '{}'", member.label));
    checked_in_place_[&member] = TRY(newest_change(member));
    TRY(backup::check({.backup = member,
                       .wal = wal_of(member),
                       .on_progress = [this](const backup::Progress& now) { report(now); },
                       .on_problem = request_.on_problem},
                      clock_));
    progress_.complete();
    return member.directory;
}

// None of them can be started, whatever becomes of us. PostgreSQL refuses an incremental one (xlogrecovery.c,
// read_backup_label); an earlier one, which may be full, gets a configuration that no server accepts instead of its
// own, of which nothing is taken over. And it refuses directories that others may enter; ours hides them.
Result<fs::Path> Combination::unpack(const backup::Backup& member) {
    const std::string name = std::to_string(unpacked_count_++);
    const fs::Path directory = request_.data_directory / kUnpacked / name;
    TRY(open_directory(directory.parent_path(), 0700));
    TRY(open_directory(directory, 0700));
    const bool is_last = &member == &request_.backup;
    if (!is_last) TRY(bar_start(directory));
    progress_.enter("restore", fmt::format("unpacking '{}'", member.label));
    const backup::TablespaceMapping tablespaces = TRY(unpacked_tablespaces(member, name));
    TRY(backup::restore({.backup = member,
                         .data_directory = directory,
                         .tablespaces = tablespaces,
                         .may_be_there = [](std::string_view entry) { return entry == "postgresql.conf"; },
                         .is_left_out = is_last ? LeftOut() : is_not_taken_over,
                         .wal = wal_of(member),
                         .on_progress = [this](const backup::Progress& now) { report(now); },
                         .on_problem = request_.on_problem},
                        clock_));
    TRY(open_directory(directory, 0701));
    progress_.complete();
    TRY(copy_manifest(member.directory, directory));
    return directory;
}

// On the file system of its place; of one that the last backup does not have any more, beside the data directory's.
Result<backup::TablespaceMapping> Combination::unpacked_tablespaces(const backup::Backup& member,
                                                                    const std::string& name) {
    backup::TablespaceMapping mapping;
    for (const PlacedTablespace& tablespace : TRY(find_tablespaces(member, {}))) {
        const auto place = std::find_if(places_.begin(), places_.end(),
                                        [&](const Place& one) { return one.tablespace.oid == tablespace.oid; });
        const bool is_placed = place != places_.end();
        if (is_placed) TRY(open_directory(place->unpacked, 0700));
        mapping[tablespace.production_path] =
            is_placed ? place->unpacked / name
                      : request_.data_directory / kUnpacked / fmt::format("{}-{}", name, tablespace.oid);
    }
    return mapping;
}

// pg_combinebackup takes the last one's alone.
backup::Wal Combination::wal_of(const backup::Backup& member) const {
    return &member == &request_.backup ? request_.wal : backup::Wal::elsewhere;
}

// All that pg_combinebackup fills, to be watched from the first file on.
Result<std::vector<fs::Path>> Combination::open_combined() {
    combined_ = TRY(open_incoming(request_.data_directory));
    std::vector<fs::Path> directories = {combined_};
    for (const Place& place : places_) {
        TRY(open_directory(place.combined, 0700));
        directories.push_back(place.combined);
    }
    return directories;
}

Status Combination::run_program(const std::vector<fs::Path>& inputs) {
    progress_.enter("combine");
    log_info("combining an incremental backup with the earlier ones", {{"backups", inputs.size()}});
    process::Environment environment = process::own_environment();
    environment["LC_ALL"] = "C";
    const auto on_line = [](const std::string& line) {
        log_info(line);
        return Said::message;
    };
    return run_followed({.command = {.argv = TRY(argv(inputs)),
                                     .environment = std::move(environment),
                                     .output_file = request_.data_directory / "pg_combinebackup.log"},
                         .name = "pg_combinebackup",
                         .on_line = on_line},
                        clock_);
}

// pg_combinebackup reads once more what was verified before.
Status Combination::require_unchanged() const {
    for (const auto& [member, before] : checked_in_place_) {
        if (TRY(newest_change(*member)) == before) continue;
        return Error{Errc::conflict,
                     fmt::format("backup '{}' was changed in '{}' while it was combined", member->label,
                                 member->directory.string()),
                     "Repeat when nobody writes there."};
    }
    return {};
}

Result<std::vector<std::string>> Combination::argv(const std::vector<fs::Path>& inputs) const {
    std::vector<std::string> argv = {combiner_.program("pg_combinebackup"), "--output=" + combined_.string(),
                                     "--no-sync",  // one syncfs follows, once all of it is verified
                                     fmt::format("--manifest-checksums={}", backup::name_of(algorithm_))};
    for (const Place& place : places_) {
        const fs::Path link = inputs.back() / "pg_tblspc" / std::to_string(place.tablespace.oid);
        std::error_code error;
        const fs::Path from = stdfs::read_symlink(link, error);
        if (error) return errno_error(Errc::io, fmt::format("cannot read '{}'", link.string()), error.value());
        argv.push_back(tablespace_option(from, place.combined));
    }
    argv.insert(argv.end(), inputs.begin(), inputs.end());
    return argv;
}

Status Combination::remove_unpacked() const {
    TRY(fs::remove_tree(request_.data_directory / kUnpacked));
    for (const Place& place : places_)
        TRY(fs::remove_tree(place.unpacked));
    return {};
}

Result<backup::Restored> Combination::verify(const ArrivingFiles& arrived) {
    std::set<fs::Path> tablespaces;
    for (const Place& place : places_)
        tablespaces.insert(place.combined.lexically_normal());
    TRY(check_entries(combined_, tablespaces, request_.is_left_out));
    backup::Backup combined = TRY(backup::open_backup(combined_));
    combined.label = request_.backup.label;
    progress_.enter("check", "comparing with the manifest");
    const auto known = [&](const fs::Path& file, backup::ChecksumAlgorithm algorithm) {
        return arrived.checksum_of(file, algorithm);
    };
    backup::Restored restored = TRY(backup::check({.backup = combined,
                                                   .wal = request_.wal,
                                                   .on_progress = [this](const backup::Progress& now) { report(now); },
                                                   .on_problem = request_.on_problem,
                                                   .known_checksum = known},
                                                  clock_));
    if (request_.check_wal && request_.wal == backup::Wal::in_backup) TRY(request_.check_wal(combined_ / "pg_wal"));
    progress_.complete();
    for (const Place& place : places_)
        restored.tablespaces.push_back(place.tablespace);
    return restored;
}

Status Combination::settle() const {
    if (request_.is_left_out) TRY(remove_left_out(combined_, request_.is_left_out, request_.on_left_out));
    TRY(withdraw_access(combined_));
    for (const Place& place : places_) {
        TRY(withdraw_access(place.combined));
        TRY(move_children(place.combined, place.tablespace.path));
        TRY(fs::replace_link(combined_ / "pg_tblspc" / std::to_string(place.tablespace.oid), place.tablespace.path));
    }
    return move_up(request_.data_directory);
}

}  // namespace

Result<backup::Restored> combine(const backup::RestoreRequest& request, const postgres::Binaries& combiner,
                                 Progress& progress, Clock& clock) {
    return Combination(request, combiner, progress, clock).run();
}

}  // namespace polygon::bootstrap
