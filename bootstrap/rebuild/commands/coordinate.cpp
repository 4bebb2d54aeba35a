#include "bootstrap/rebuild/commands/coordinate.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "bootstrap/rebuild/coordinator/records.h"
#include "bootstrap/rebuild/coordinator/verification.h"
#include "bootstrap/rebuild/site.h"
#include "common/base/log.h"
#include "common/sanitize/certificate.h"

namespace polygon::rebuild {
namespace {

constexpr int kSignalled = 128;

class RunningPolygon final : public NewPolygon {
  public:
    RunningPolygon(const patroni::Configuration& configuration, Clock& clock)
        : configuration_(configuration), clock_(clock) {}

    Result<Replication> read_replication(const StoredCluster& cluster) override {
        return rebuild::read_replication(configuration_, cluster);
    }

    Result<Verified> verify(const StoredCluster& cluster, const std::optional<etcd::Generation>& proven,
                            const std::vector<std::string>& members) override {
        const sanitize::Certificate certificate = TRY(verify_polygon(configuration_, cluster, proven, members, clock_));
        const Status all = sanitize::require_all(certificate.checks);
        return Verified{.verdict = {.holds = all.has_value(), .reason = all ? "" : all.error().message},
                        .certificate = to_json(certificate)};
    }

  private:
    const patroni::Configuration& configuration_;
    Clock& clock_;
};

void print_done(const View& view) {
    const etcd::PlannedBackup& backup = view.plan.backup;
    fmt::print("The polygon carries generation {}{}, led by {}.\n", view.plan.generation,
               backup.label.empty() ? "" : fmt::format(", from backup '{}' of {}", backup.label, backup.time),
               view.plan.leader);
    fmt::print("It was down for {:.1f} s ({}).\n", outage_of(view.phase.seconds), describe_seconds(view.phase.seconds));
    std::fflush(stdout);
}

}  // namespace

Result<std::unique_ptr<Site>> Site::open(const Request& request) {
    auto configuration = TRY(patroni::Configuration::load(request.sources));
    auto settings = TRY(require_polygon(request.sources, request.overrides));
    RebuildStore store(configuration);
    return std::unique_ptr<Site>(new Site{request, std::move(configuration), std::move(settings), std::move(store)});
}

Result<Measured> measure(RebuildStore& store, const std::string& scope, Clock& clock) {
    const Situation seen = TRY(store.look());
    Measured measured{.scope = scope, .proven = seen.generation.value, .now = clock.wall()};
    measured.history = TRY(store.read_history());
    if (!seen.is_active()) return measured;
    measured.active = seen.phase.value;
    measured.bytes = seen.plan.value->backup.bytes;
    return measured;
}

Result<Ending> coordinate(Site& site, std::unique_ptr<etcd::Lock> lock, TerminalOperator& person,
                          const std::string& what, Order order, Clock& clock) {
    RunningPolygon polygon(site.configuration, clock);
    const auto tell_metrics = [&] {
        if (!site.request.metrics) return;
        const auto measured = measure(site.store, site.configuration.scope, clock);
        const Status written = measured ? write_metrics(*site.request.metrics, *measured) : measured.error();
        if (!written) log_warning("the metrics were not written: " + written.error().message);
    };
    Coordinator coordinator({.store = site.store,
                             .polygon = polygon,
                             .operator_ = person,
                             .clock = clock,
                             .take_lock = [&] { return take_lock(site.configuration, what, clock); },
                             .on_phase = tell_metrics},
                            std::move(lock), site.request.patience, order);
    auto ending = coordinator.run();
    show_live_lines({});
    return ending;
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
