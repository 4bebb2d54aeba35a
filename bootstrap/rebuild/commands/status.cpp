#include "bootstrap/rebuild/commands/status.h"

#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bootstrap/rebuild/coordinator/status_text.h"
#include "common/base/log.h"
#include "common/cli/progress_display.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;

constexpr int kSignalled = 128;
constexpr auto kRound = 1s;

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

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
Result<int> follow(Site& site, Format format) {
    const process::AwaitedSignals signals({SIGINT, SIGTERM, SIGHUP});
    Changes changes;
    while (true) {
        const StatusReport report = TRY(read_report(site));
        const View view = view_of(report.seen);
        if (const std::size_t width = cli::stderr_width(); width > 0) {
            show_live_lines(to_lines(report, width - 1));
        } else {
            for (const std::string& text : changes.observe(view, make_rows(view)))
                log_info(text);
        }
        const auto signal = signals.next(report.seen.is_active() ? kRound : 0s);
        if (report.seen.is_active() && !signal) continue;
        show_live_lines({});
        print_report(report, format);
        return signal ? kSignalled + *signal : 0;
    }
}

}  // namespace

Result<int> show_status(const Request& request, Format format, Watch watch, Clock& clock) {
    const auto site = TRY(Site::open(request));
    if (request.metrics)
        TRY(write_metrics(*request.metrics, TRY(measure(site->store, site->configuration.scope, clock))));
    if (watch == Watch::until_the_end) return follow(*site, format);
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
