#include "bootstrap/restore/progress.h"

namespace polygon::bootstrap {
namespace {

fs::Path absolute_or_empty(const std::string& path) {
    return path.empty() ? fs::Path() : std::filesystem::absolute(path);
}

}  // namespace

Progress::Progress(Clock& clock, const std::string& status_file)
    : clock_(clock), status_file_(absolute_or_empty(status_file), clock) {}

void Progress::enter(const std::string& phase) {
    display_.reset();
    status_file_.enter(phase);
}

void Progress::enter(const std::string& phase, const std::string& activity) {
    enter(phase);
    pace_ = {};
    display_.emplace(clock_, activity, cli::stderr_width);
}

void Progress::report(const backup::Progress& progress) {
    figures_ = {.bytes_done = progress.bytes_done,
                .bytes_total = progress.bytes_total,
                .files_done = progress.files_done,
                .files_total = progress.files_total};
    pace_.observe(clock_.now(), figures_);
    if (display_) display_->show(figures_, pace_);
    status_file_.update(figures_, pace_);
}

void Progress::complete() {
    display_.reset();
    if (figures_.has_total()) {
        figures_.bytes_done = figures_.bytes_total;
        figures_.files_done = figures_.files_total;
    }
    pace_.observe(clock_.now(), figures_);
    status_file_.update(figures_, pace_);
}

void Progress::announce(const std::string& address) {
    status_file_.announce(address);
}

void Progress::end(const Status& outcome) {
    display_.reset();
    status_file_.end(outcome);
}

void Progress::end_from_outside(const std::string& error) {
    cli::erase_left_over_bar();
    status_file_.fail_from_outside(error);
}

}  // namespace polygon::bootstrap
