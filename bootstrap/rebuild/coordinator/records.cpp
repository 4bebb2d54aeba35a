#include "bootstrap/rebuild/coordinator/records.h"

#include <string_view>

#include <fmt/format.h>

#include "bootstrap/rebuild/coordinator/next_move.h"
#include "common/base/clock.h"

namespace polygon::rebuild {
namespace {

constexpr std::string_view kStuck = "; stuck: ";

std::string without_stuck(const std::string& error) {
    return error.substr(0, error.find(kStuck));
}

std::string outcome_of(const etcd::PhaseRecord& last) {
    if (last.phase == etcd::Phase::done) return "done";
    return last.error.starts_with(kAborted) ? "aborted" : "rolled back";
}

}  // namespace

etcd::PhaseRecord first_phase(const std::string& generation, WallTime now) {
    return {.generation = generation, .phase = etcd::Phase::stage, .attempt = 1, .since = format_utc(now)};
}

etcd::PhaseRecord next_phase(const etcd::PhaseRecord& now, etcd::Phase next, const std::string& error,
                             std::chrono::duration<double> took, WallTime at) {
    etcd::PhaseRecord record = now;
    if (!etcd::is_terminal(now.phase)) record.seconds[std::string(etcd::to_text(now.phase))] += took.count();
    record.phase = next;
    record.since = format_utc(at);
    record.error = error.empty() ? without_stuck(now.error) : error;
    return record;
}

etcd::PhaseRecord stuck_phase(const etcd::PhaseRecord& now, const std::string& reason) {
    etcd::PhaseRecord record = now;
    record.error = without_stuck(now.error) + std::string(kStuck) + reason;
    return record;
}

etcd::PhaseRecord resumed_phase(const View& view) {
    etcd::PhaseRecord record = view.phase;
    record.error = without_stuck(record.error);
    if (has_failed_answer(view)) ++record.attempt;
    return record;
}

etcd::HistoryRecord make_history(const View& view, const etcd::PhaseRecord& last, WallTime ended) {
    return {.generation = view.plan.generation,
            .outcome = outcome_of(last),
            .mode = view.plan.mode == etcd::Mode::in_place ? "in-place" : "staged",
            .leader = view.plan.leader,
            .backup_label = view.plan.backup.label,
            .backup_time = view.plan.backup.time,
            .started_at = view.plan.requested_at,
            .ended_at = format_utc(ended),
            .error = last.error,
            .bytes = view.plan.backup.bytes,
            .seconds = last.seconds};
}

double outage_of(const std::map<std::string, double>& seconds) {
    double sum = 0;
    for (const etcd::Phase phase : {etcd::Phase::stop, etcd::Phase::clear, etcd::Phase::bootstrap}) {
        const auto found = seconds.find(std::string(etcd::to_text(phase)));
        if (found != seconds.end()) sum += found->second;
    }
    return sum;
}

std::string describe_seconds(const std::map<std::string, double>& seconds) {
    std::string text;
    for (int phase = 0; phase <= static_cast<int>(etcd::Phase::rolled_back); ++phase) {
        const auto found = seconds.find(std::string(etcd::to_text(static_cast<etcd::Phase>(phase))));
        if (found == seconds.end()) continue;
        text += fmt::format("{}{} {:.1f} s", text.empty() ? "" : ", ", found->first, found->second);
    }
    return text;
}

std::optional<double> last_outage(const std::vector<etcd::HistoryRecord>& history) {
    for (auto record = history.rbegin(); record != history.rend(); ++record) {
        if (record->outcome == "done") return outage_of(record->seconds);
    }
    return std::nullopt;
}

}  // namespace polygon::rebuild
