#include "bootstrap/rebuild/commands/way.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "bootstrap/rebuild/coordinator/records.h"
#include "bootstrap/rebuild/site.h"
#include "common/base/log.h"
#include "common/base/printable.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;
using etcd::Phase;

constexpr auto kRound = 250ms;
constexpr auto kKeepOrderEvery = 15s;

bool is_going_back(Phase phase) {
    return phase == Phase::undo || phase == Phase::restore;
}

Error nothing_under_way(const std::string& prefix) {
    return {Errc::refused, fmt::format("no rebuild of '{}' is under way", prefix), "Look at polygon-rebuild status."};
}

Error too_late_to_abort(Phase phase) {
    return {Errc::refused,
            fmt::format("the rebuild is in phase {}: it cannot be aborted any more", etcd::to_text(phase)),
            "polygon-rebuild rollback goes back from there."};
}

// After the end it is the nodes that know whether they keep the old data, but one that is removing it has not said so
// yet: the configuration has to say that it is kept.
bool is_way_kept(const Situation& seen, const patroni::PolygonSettings& settings) {
    return has_way_back(make_view(seen)) &&
           (seen.phase.value->phase != Phase::done || settings.staging.previous.value == patroni::Previous::keep);
}

// It has cloned the new polygon since, and would take over the lead when the others stop.
Status refuse_strangers(const View& view) {
    const auto stranger = find_stranger(view);
    if (!stranger) return {};
    return Error{Errc::refused,
                 fmt::format("member '{}' has come after the rebuild and cannot go back with it", *stranger),
                 fmt::format("Stop '{}' first; afterwards it clones the polygon that is back.", *stranger)};
}

Status require_way(const Site& site, const Situation& seen, Order order) {
    const bool is_rebuild = seen.plan.value && seen.phase.value && seen.plan.value->mode != etcd::Mode::reset &&
                            seen.plan.value->generation == seen.phase.value->generation;
    if (!is_rebuild || seen.phase.value->phase == Phase::rolled_back) return nothing_under_way(seen.cluster.prefix);
    const Phase now = seen.phase.value->phase;
    if (is_going_back(now)) return {};
    if (order == Order::abort) return etcd::is_before_stop(now) ? Status() : too_late_to_abort(now);
    if (now == Phase::done) TRY(refuse_strangers(make_view(seen)));
    if (is_way_kept(seen, site.settings)) return {};
    return Error{Errc::refused,
                 fmt::format("there is no way back from generation '{}': {}", seen.plan.value->generation,
                             now == Phase::done ? "not every node has kept the data of before"
                                                : "it is rebuilt in place, which wiped the polygon before"),
                 now == Phase::done ? "staging.previous: keep keeps it after the next rebuild."
                                    : "polygon-rebuild resume tries again."};
}

Result<int> conclude_back(const Ending& ending) {
    if (ending.kind != Ending::Kind::rolled_back || ending.signal != 0) return conclude(ending);
    fmt::print("The rebuild {} was rolled back: {}.\n", printable(ending.view.plan.generation),
               printable(ending.view.phase.error));
    std::fflush(stdout);
    return 0;
}

// The order is obeyed once; another rebuild never sees it.
Result<int> give_up_order(RebuildStore& store, etcd::LeaseId order, Error error) {
    if (const Status withdrawn = store.withdraw_order(order); !withdrawn) log_warning(withdrawn.error().message);
    return error;
}

// Whether the lock is held, first: its holder lets go after its last write.
Result<std::pair<bool, Situation>> look_with_holder(RebuildStore& store) {
    const bool is_held = TRY(store.read_holder()).has_value();
    return std::pair(is_held, TRY(store.look()));
}

// Another coordinator does it, if it lives and is not past that point: what it does is shown until it has ended.
Result<int> order_from_holder(Site& site, TerminalOperator& person, Order order, const std::string& holder,
                              Clock& clock) {
    log_info("asking the coordinator that is at work", {{"holder", holder}});
    const etcd::LeaseId given = TRY(site.store.give_order(order));
    const auto began = clock.now();
    auto kept = began;
    Silence silence(clock, site.request.patience);
    while (true) {
        const auto looked = look_with_holder(site.store);
        if (!looked) {
            TRY(silence.tolerate(looked.error()));
            if (const auto signal = person.next_signal(kRound)) return kSignalled + *signal;
            continue;
        }
        silence.end();
        if (clock.now() - kept >= kKeepOrderEvery) {
            kept = clock.now();
            if (const Status alive = site.store.keep_order(given); !alive) log_debug(alive.error().message);
        }
        const auto& [is_held, seen] = *looked;
        if (!seen.plan.value || !seen.phase.value) return nothing_under_way(seen.cluster.prefix);
        const View view = make_view(seen);
        const Phase now = view.phase.phase;
        person.show(view, std::chrono::duration_cast<std::chrono::seconds>(clock.now() - began), "");
        if (now == Phase::rolled_back) return conclude_back({.kind = Ending::Kind::rolled_back, .view = view});
        if (now == Phase::done)
            return give_up_order(site.store, given,
                                 {Errc::refused, "the rebuild was done before the order came",
                                  "polygon-rebuild rollback goes back while the data of before is kept."});
        if (order == Order::abort && !etcd::is_before_stop(now) && !is_going_back(now))
            return give_up_order(site.store, given, too_late_to_abort(now));
        if (!is_held)
            return give_up_order(
                site.store, given,
                {Errc::conflict, "the coordinator has ended before the rebuild did", "Run the same command again."});
        if (const auto signal = person.next_signal(kRound)) return kSignalled + *signal;
    }
}

Result<int> go_back(const Request& request, Order order, const std::string& what, Clock& clock) {
    const auto site = TRY(Site::open(request));
    TerminalOperator person(clock);
    TRY(require_way(*site, TRY(site->store.look()), order));
    if (const auto holder = TRY(site->store.read_holder()))
        return order_from_holder(*site, person, order, *holder, clock);
    auto lock = TRY(take_lock(site->configuration, what, clock));
    const Situation seen = TRY(site->store.look());
    TRY(require_way(*site, seen, order));
    if (is_going_back(seen.phase.value->phase)) TRY(site->store.resume(*lock, seen, resumed_phase(make_view(seen))));
    const Result<Ending> ending = coordinate(*site, std::move(lock), person, what, order, clock);
    tell_metrics(*site, clock);
    return conclude_back(TRY(ending));
}

}  // namespace

Result<int> resume(const Request& request, Clock& clock) {
    const auto site = TRY(Site::open(request));
    TerminalOperator person(clock);
    auto lock = TRY(take_lock(site->configuration, "resume", clock));
    const Situation seen = TRY(site->store.look());
    if (!seen.is_active()) return nothing_under_way(seen.cluster.prefix);
    TRY(site->store.resume(*lock, seen, resumed_phase(make_view(seen))));
    const Result<Ending> ending = coordinate(*site, std::move(lock), person, "resume", Order::none, clock);
    tell_metrics(*site, clock);
    return conclude(TRY(ending));
}

Result<int> abort(const Request& request, Clock& clock) {
    return go_back(request, Order::abort, "abort", clock);
}

Result<int> rollback(const Request& request, Clock& clock) {
    return go_back(request, Order::rollback, "rollback", clock);
}

}  // namespace polygon::rebuild
