#include "common/backup/tally.h"

namespace polygon::backup {

Tally::Tally(const Manifest& manifest, std::function<void(const Progress&)> on_progress)
    : on_progress_(std::move(on_progress)) {
    progress_.bytes_total = manifest.total_bytes();
    progress_.files_total = manifest.files.size();
}

void Tally::add_verified(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    progress_.bytes_done += bytes;
    report();
}

void Tally::add_verified_file() {
    const std::lock_guard lock(mutex_);
    ++progress_.files_done;
    report();
}

void Tally::report() const {
    if (on_progress_) on_progress_(progress_);
}

void Tally::add_taken(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    taken_bytes_ += bytes;
}

void Tally::add_taken_file() {
    const std::lock_guard lock(mutex_);
    ++taken_files_;
}

std::uint64_t Tally::taken_bytes() const {
    const std::lock_guard lock(mutex_);
    return taken_bytes_;
}

std::uint64_t Tally::taken_files() const {
    const std::lock_guard lock(mutex_);
    return taken_files_;
}

}  // namespace polygon::backup
