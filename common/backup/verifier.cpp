#include "common/backup/verifier.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/backup/damage.h"
#include "common/base/printable.h"

namespace polygon::backup {
namespace {

constexpr std::size_t kProblemsInMessage = 3;
constexpr std::size_t kProblemsKept = 1000;

// PostgreSQL src/bin/pg_verifybackup: WAL is checked in another way, and these may have been changed on purpose.
bool is_exempt(std::string_view path) {
    return path.starts_with("pg_wal/") || path == "postgresql.auto.conf" || path == "recovery.signal" ||
           path == "standby.signal";
}

}  // namespace

Verifier::Verifier(const Backup& backup, std::function<void(const std::string&)> on_problem)
    : backup_(backup), on_problem_(std::move(on_problem)) {
    entries_.reserve(backup.manifest.files.size());
    for (const ManifestFile& file : backup.manifest.files)
        entries_.emplace(file.path, Entry{.file = &file});
}

Expectation Verifier::expect(const std::string& path) {
    const std::lock_guard lock(mutex_);
    bool is_repeated = false;
    Expectation expectation;
    if (is_exempt(path) || !backup_.has_manifest) {
        expectation.standing = is_exempt(path) ? Standing::exempt : Standing::unlisted;
        is_repeated = !others_seen_.insert(path).second;
    } else if (const auto found = entries_.find(path); found != entries_.end()) {
        expectation = {.standing = Standing::in_manifest, .file = found->second.file};
        is_repeated = std::exchange(found->second.is_seen, true);
    } else {
        note(fmt::format("{}: not in the manifest", printable(path)));
    }
    if (!is_repeated) return expectation;
    note(fmt::format("{}: comes twice", printable(path)));
    return {};
}

bool Verifier::compare(const ManifestFile& file, std::uint64_t size_bytes, const std::string& checksum_hex) {
    const std::lock_guard lock(mutex_);
    if (size_bytes != file.size_bytes) {
        note(fmt::format("{}: is {} bytes long, manifest says {}", printable(file.path), size_bytes, file.size_bytes));
        return false;
    }
    if (checksum_hex != file.checksum_hex) {
        note(
            fmt::format("{}: checksum is {}, manifest says {}", printable(file.path), checksum_hex, file.checksum_hex));
        return false;
    }
    return true;
}

void Verifier::note_change(const std::string& path) {
    const std::lock_guard lock(mutex_);
    note(fmt::format("{}: changed while it was read", printable(path)));
}

void Verifier::note_missing() {
    const std::lock_guard lock(mutex_);
    for (const ManifestFile& file : backup_.manifest.files) {  // in the manifest's order, not the map's
        if (!entries_.at(file.path).is_seen && !is_exempt(file.path))
            note(fmt::format("{}: missing", printable(file.path)));
    }
}

bool Verifier::has_problems() const {
    const std::lock_guard lock(mutex_);
    return count_ > 0;
}

void Verifier::note(const std::string& problem) {
    ++count_;
    if (problems_.size() < kProblemsKept) problems_.push_back(problem);
    if (on_problem_) on_problem_(problem);
}

Error Verifier::summary() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> first = problems_;
    std::sort(first.begin(), first.end());
    first.resize(std::min(first.size(), kProblemsInMessage));
    std::string list = fmt::format("{}", fmt::join(first, "; "));
    if (count_ > first.size()) list += fmt::format("; and {} more", count_ - first.size());
    return {.code = Errc::backup_corrupt,
            .message = fmt::format("backup '{}' {}: {}", backup_.label,
                                   backup_.has_manifest ? "does not match its manifest" : "is not sound", list),
            .hint = std::string(kCopyAgain)};
}

}  // namespace polygon::backup
