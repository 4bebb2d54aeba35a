#include "common/backup/restore.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "common/backup/damage.h"
#include "common/backup/lane.h"

namespace polygon::backup {
namespace {

// A lane keeps about 12 MiB of buffers: so many of them stay below 64 MiB together.
constexpr std::size_t kMostLanes = 4;

std::size_t lanes_for_this_machine() {
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, kMostLanes);
}

// An archive, or one share of a directory tree.
struct Task {
    const Archive* archive;
    std::unique_ptr<MemberReader> reader;  // none: opened by the lane that takes the task
};

class Restorer {
  public:
    Restorer(const RestoreRequest& request, Purpose purpose, KnownChecksum known)
        : shared_(request, purpose, std::move(known)) {}

    Status prepare();
    Status run_lanes();
    Status check();
    Status finish();
    Restored result() const;

  private:
    Status place_linked_tablespaces();
    Status make_tasks();
    void work();
    Task* next_task();
    Status run(Task& task);
    struct Ended {
        bool is_last_of_base;
        bool is_last_with_wal;
    };
    Ended count_down(const Task& task);
    void end(const Task& task, Status status);
    void fail(const Error& error);
    Status place_noted_tablespaces();
    Status check_wal();
    bool carries_wal(const Task& task) const;

    Shared shared_;
    const RestoreRequest& request_ = shared_.request;
    std::unique_ptr<Target> data_directory_;  // none when only checking
    std::vector<Task> tasks_;
    std::mutex mutex_;  // over the next four
    std::size_t next_task_ = 0;
    std::size_t tasks_with_wal_ = 0;   // not yet ended
    std::size_t tasks_with_base_ = 0;  // not yet ended
    std::optional<Error> failure_;     // the first
    Status wal_status_;                // set by the lane that ends the last task with WAL
};

Status Restorer::prepare() {
    if (shared_.purpose == Purpose::restore) {
        const std::size_t entries = TRY(count_entries(request_.data_directory, request_.may_be_there));
        if (entries > 0) {
            return Error{.code = Errc::data_directory_occupied,
                         .message = fmt::format("data directory '{}' is not empty ({} entries)",
                                                request_.data_directory.string(), entries),
                         .hint = "Move it away, or let polygon-rebuild set it aside."};
        }
        if (request_.backup.format == Format::plain) TRY(place_linked_tablespaces());
        data_directory_ = TRY(Target::open(request_.data_directory));
    }
    return make_tasks();
}

// In plain format everything is known before the first byte: tablespace_map if there is one, else where the links
// point.
Status Restorer::place_linked_tablespaces() {
    const fs::Path map = request_.backup.directory / kTablespaceMap;
    std::error_code error;
    if (std::filesystem::exists(map, error)) TRY(shared_.place_mapped_tablespaces(TRY(fs::read_file(map))));
    for (const Archive& archive : request_.backup.archives) {
        if (archive.kind != Archive::Kind::tablespace) continue;
        const fs::Path production = std::filesystem::read_symlink(archive.path, error);
        if (error) return errno_error(Errc::io, fmt::format("cannot read '{}'", archive.path.string()), error.value());
        TRY(shared_.tablespaces.place(archive.tablespace_oid, production));
    }
    shared_.tablespaces.settle();
    return {};
}

// The base first, because it says where tablespaces go; then the largest, so that no lane is left alone with it.
Status Restorer::make_tasks() {
    const Backup& backup = request_.backup;
    std::vector<const Archive*> archives;
    for (const Archive& archive : backup.archives)
        archives.push_back(&archive);
    std::error_code ignored;
    if (backup.format == Format::tar) {
        std::stable_sort(archives.begin() + 1, archives.end(), [&](const Archive* left, const Archive* right) {
            return std::filesystem::file_size(left->path, ignored) > std::filesystem::file_size(right->path, ignored);
        });
    }
    for (const Archive* archive : archives) {
        if (backup.format == Format::tar) {
            tasks_.push_back({.archive = archive});
            continue;
        }
        for (auto& reader : TRY(open_members(backup.format, *archive, lanes_for_this_machine())))
            tasks_.push_back({.archive = archive, .reader = std::move(reader)});
    }
    for (const Task& task : tasks_) {
        tasks_with_wal_ += carries_wal(task) ? 1 : 0;
        tasks_with_base_ += task.archive->kind == Archive::Kind::base ? 1 : 0;
    }
    return {};
}

// WAL is in an archive of its own, else in the base's.
bool Restorer::carries_wal(const Task& task) const {
    const auto& archives = request_.backup.archives;
    const bool has_own = std::any_of(archives.begin(), archives.end(),
                                     [](const Archive& archive) { return archive.kind == Archive::Kind::wal; });
    return task.archive->kind == (has_own ? Archive::Kind::wal : Archive::Kind::base);
}

Status Restorer::run_lanes() {
    std::vector<std::thread> threads;
    const std::size_t count = std::min(tasks_.size(), lanes_for_this_machine());
    while (threads.size() < count)
        threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads)
        thread.join();
    if (failure_) return *failure_;
    return {};
}

void Restorer::work() {
    while (Task* task = next_task())
        end(*task, run(*task));
}

Task* Restorer::next_task() {
    const std::lock_guard lock(mutex_);
    if (failure_ || next_task_ == tasks_.size()) return nullptr;
    return &tasks_[next_task_++];
}

Status Restorer::run(Task& task) {
    if (!task.reader) {
        task.reader = std::move(TRY(open_members(request_.backup.format, *task.archive, 1)).front());
    }
    const Status status = Lane(shared_, *task.archive).take(*task.reader);
    task.reader.reset();
    return status;
}

Restorer::Ended Restorer::count_down(const Task& task) {
    const std::lock_guard lock(mutex_);
    return {.is_last_of_base = task.archive->kind == Archive::Kind::base && --tasks_with_base_ == 0,
            .is_last_with_wal = carries_wal(task) && --tasks_with_wal_ == 0};
}

// What follows from a task's end: tablespaces have their places, the WAL can be checked, or all is over.
void Restorer::end(const Task& task, Status status) {
    const Ended ended = count_down(task);
    if (status && ended.is_last_of_base && !shared_.is_cancelled) status = place_noted_tablespaces();
    if (status && ended.is_last_with_wal && !shared_.is_cancelled) wal_status_ = check_wal();
    if (!status) fail(status.error());
    if (!status || ended.is_last_of_base) shared_.tablespaces.settle();
}

void Restorer::fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = error;
    shared_.is_cancelled = true;
}

Status Restorer::place_noted_tablespaces() {
    TRY(shared_.tablespaces.check_archives());
    return shared_.purpose == Purpose::restore ? shared_.tablespaces.place_links() : Status();
}

Status Restorer::check_wal() {
    if (request_.wal == Wal::elsewhere) return {};
    if (const auto missing = shared_.wal.find_missing(request_.backup.manifest)) {
        return Error{.code = Errc::backup_incomplete,
                     .message = fmt::format("backup '{}' is incomplete: WAL segment {} is missing",
                                            request_.backup.label, *missing),
                     .hint = "Take the backup with --wal-method=stream, or configure recovery.restore_command."};
    }
    if (!request_.check_wal || shared_.purpose == Purpose::check) return {};
    return request_.check_wal(request_.data_directory / "pg_wal");
}

Status Restorer::check() {
    shared_.verifier.note_missing();
    if (shared_.verifier.has_problems()) return shared_.verifier.summary();
    if (shared_.control_file.empty()) {
        return Error{.code = Errc::backup_incomplete,
                     .message = fmt::format("backup '{}' has no global/pg_control", request_.backup.label),
                     .hint = std::string(kCopyAgain)};
    }
    return wal_status_;
}

// Only now may PostgreSQL start from it.
Status Restorer::finish() {
    for (const char* directory : {"pg_wal", "pg_tblspc", "global"})
        TRY(data_directory_->make_directory(directory));
    TRY(shared_.tablespaces.link_from(*data_directory_));
    TRY(shared_.tablespaces.flush());
    TRY(data_directory_->flush());
    shared_.tally.add_taken(shared_.control_file.size());
    return fs::write_file_durably(request_.data_directory / kControlFile, shared_.control_file);
}

Restored Restorer::result() const {
    return {.bytes = shared_.tally.taken_bytes(),
            .files = shared_.tally.taken_files(),
            .tablespaces = shared_.tablespaces.placed()};
}

Result<Restored> run(const RestoreRequest& request, Purpose purpose, KnownChecksum known, Clock& clock) {
    const auto start = clock.now();
    Restorer restorer(request, purpose, std::move(known));
    TRY(restorer.prepare());
    TRY(restorer.run_lanes());
    TRY(restorer.check());
    if (purpose == Purpose::restore) TRY(restorer.finish());
    Restored restored = restorer.result();
    restored.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - start);
    return restored;
}

}  // namespace

Result<Restored> restore(const RestoreRequest& request, Clock& clock) {
    return run(request, Purpose::restore, {}, clock);
}

Result<Restored> check(const CheckRequest& request, Clock& clock) {
    return run({.backup = request.backup,
                .data_directory = {},
                .wal = request.wal,
                .on_progress = request.on_progress,
                .on_problem = request.on_problem},
               Purpose::check, request.known_checksum, clock);
}

}  // namespace polygon::backup
