#include "bootstrap/rebuild/commands/coordinate.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "bootstrap/rebuild/coordinator/records.h"
#include "bootstrap/rebuild/site.h"
#include "common/base/log.h"
#include "common/base/printable.h"

namespace polygon::rebuild {
namespace {

void print_done(const View& view) {
    const etcd::PlannedBackup& backup = view.plan.backup;
    const std::string source =
        backup.label.empty() ? "" : fmt::format(", from backup '{}' of {}", backup.label, backup.time);
    fmt::print("{}\n", printable(fmt::format("The polygon carries generation {}{}, led by {}.", view.plan.generation,
                                             source, view.plan.leader)));
    fmt::print("{}\n", printable(fmt::format("It was down for {:.1f} s ({}).", outage_of(view.phase.seconds),
                                             describe_seconds(view.phase.seconds))));
    std::fflush(stdout);
}

Result<Measured> measure_with(RebuildStore& store, std::vector<etcd::HistoryRecord> history, const std::string& scope,
                              Clock& clock) {
    const Situation seen = TRY(store.look());
    Measured measured{.scope = scope,
                      .proven = seen.generation.value,
                      .history = std::move(history),
                      .active = {},
                      .now = clock.wall()};
    if (!seen.is_active()) return measured;
    measured.active = seen.phase.value;
    measured.bytes = seen.plan.value->backup.bytes;
    return measured;
}

void write_measured(const Site& site, const Result<Measured>& measured) {
    const Status written = measured ? write_metrics(*site.request.metrics, *measured) : measured.error();
    if (!written) log_warning("the metrics were not written: " + written.error().message);
}

}  // namespace

Result<std::unique_ptr<Site>> Site::open(const Request& request) {
    auto configuration = TRY(patroni::Configuration::load(request.sources));
    auto settings = TRY(require_polygon(request.sources, request.overrides));
    RebuildStore store(configuration);
    return std::unique_ptr<Site>(new Site{request, std::move(configuration), std::move(settings), std::move(store)});
}

Result<Measured> measure(RebuildStore& store, const std::string& scope, Clock& clock) {
    return measure_with(store, TRY(store.read_history()), scope, clock);
}

void tell_metrics(Site& site, Clock& clock) {
    if (site.request.metrics) write_measured(site, measure(site.store, site.configuration.scope, clock));
}

Result<Ending> coordinate(Site& site, std::unique_ptr<etcd::Lock> lock, TerminalOperator& person,
                          const std::string& what, Order order, Clock& clock) {
    std::optional<std::vector<etcd::HistoryRecord>> history;  // it does not change before the end
    const auto on_phase = [&] {
        if (!site.request.metrics) return;
        if (!history) {
            if (auto read = site.store.read_history()) history = *std::move(read);
        }
        if (history) write_measured(site, measure_with(site.store, *history, site.configuration.scope, clock));
    };
    Coordinator coordinator({.store = site.store,
                             .operator_ = person,
                             .clock = clock,
                             .take_lock = [&] { return take_lock(site.configuration, what, clock); },
                             .on_phase = on_phase},
                            std::move(lock), site.request.patience, order);
    const LiveLines gone_at_the_end;
    return coordinator.run();
}

Result<int> conclude(const Ending& ending) {
    const etcd::PhaseRecord& phase = ending.view.phase;
    if (ending.kind == Ending::Kind::detached) {
        log_warning("detached; polygon-rebuild resume goes on with the rebuild, polygon-rebuild rollback goes back",
                    {{"generation", phase.generation}, {"phase", etcd::to_text(phase.phase)}});
        return kSignalled + ending.signal;
    }
    if (ending.kind == Ending::Kind::done) {
        print_done(ending.view);
        return 0;
    }
    const Error rolled_back{Errc::rolled_back,
                            fmt::format("the rebuild '{}' was rolled back, and the polygon is what it was: {}",
                                        phase.generation, phase.error),
                            "Mend what failed and run polygon-rebuild run again."};
    if (ending.signal == 0) return rolled_back;
    log_error(rolled_back);
    return kSignalled + ending.signal;
}

}  // namespace polygon::rebuild
