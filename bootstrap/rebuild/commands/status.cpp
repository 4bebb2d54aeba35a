#include "bootstrap/rebuild/commands/status.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bootstrap/rebuild/coordinator/status_text.h"
#include "common/base/log.h"
#include "common/cli/progress_display.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;

constexpr auto kRound = 1s;

Result<StatusReport> read_report(Site& site) {
    StatusReport report{.scope = site.configuration.scope, .seen = TRY(site.store.look()), .holder = {}, .last = {}};
    report.holder = TRY(site.store.read_holder());
    const auto history = TRY(site.store.read_history());
    if (!history.empty()) report.last = history.back();
    return report;
}

void print_report(const StatusReport& report, Format format) {
    print(format == Format::json ? to_json(report) : fmt::format("{}\n", fmt::join(to_lines(report, 0), "\n")));
}

// In place on a terminal; a line a change elsewhere.
void show_changes(const StatusReport& report, Changes& changes) {
    if (const std::size_t width = cli::stderr_width(); width > 0) return show_live_lines(to_lines(report, width - 1));
    const View view = view_of(report.seen);
    for (const std::string& text : changes.observe(view, make_rows(view)))
        log_info(text);
}

// An etcd that does not answer is waited for, up to the patience.
Result<int> follow(Site& site, Format format, Clock& clock) {
    const process::AwaitedSignals signals({SIGINT, SIGTERM, SIGHUP});
    const LiveLines gone_at_the_end;
    Silence silence(clock, site.request.patience);
    Changes changes;
    std::optional<StatusReport> report;
    while (true) {
        Result<StatusReport> read = read_report(site);
        if (!read) {
            TRY(silence.tolerate(read.error()));
        } else {
            silence.end();
            report = *std::move(read);
            show_changes(*report, changes);
        }
        const bool goes_on = silence.is_on() || report->seen.is_active();
        const auto signal = signals.next(goes_on ? kRound : 0s);
        if (goes_on && !signal) continue;
        show_live_lines({});
        if (report) print_report(*report, format);
        return signal ? kSignalled + *signal : 0;
    }
}

}  // namespace

Result<int> show_status(const Request& request, Format format, Watch watch, Clock& clock) {
    const auto site = TRY(Site::open(request));
    if (request.metrics)
        TRY(write_metrics(*request.metrics, TRY(measure(site->store, site->configuration.scope, clock))));
    if (watch == Watch::until_the_end) return follow(*site, format, clock);
    print_report(TRY(read_report(*site)), format);
    return 0;
}

Status show_history(const Request& request, Format format) {
    const auto site = TRY(Site::open(request));
    const auto history = TRY(site->store.read_history());
    print(format == Format::json ? to_json(history) : to_table(history));
    return {};
}

}  // namespace polygon::rebuild
