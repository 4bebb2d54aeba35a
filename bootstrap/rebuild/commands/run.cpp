#include "bootstrap/rebuild/commands/run.h"

#include <utility>

#include <fmt/format.h>

#include "bootstrap/rebuild/commands/preflight.h"
#include "bootstrap/rebuild/coordinator/proposal.h"
#include "bootstrap/rebuild/coordinator/records.h"
#include "bootstrap/rebuild/site.h"
#include "common/base/log.h"
#include "common/etcd/rebuild_keys.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;

constexpr auto kConsentTime = 10min;
constexpr auto kRound = 250ms;
constexpr auto kRequestLifetime = 90s;

Wanted to_wanted(const RunRequest& run, const patroni::PolygonSettings& settings) {
    return {.leader = run.leader,
            .mode = run.mode,
            .replicas = settings.replicas.value == patroni::Replicas::staged ? etcd::ReplicaSource::staged
                                                                             : etcd::ReplicaSource::leader};
}

Result<Proposal> propose(Site& site, const RunRequest& run, const Answered& answered) {
    const auto history = TRY(site.store.read_history());
    return make_proposal(site.configuration.scope, answered.survey, to_wanted(run, site.settings),
                         last_outage(history));
}

Status require_consent(Consent consent, TerminalOperator& person) {
    if (consent == Consent::given) return {};
    if (!is_on_terminal())
        return Error{Errc::refused, "nobody is at a terminal to agree to the rebuild",
                     "Say --yes to begin it unasked."};
    const auto letter = person.ask("Rebuild the polygon now? [y]es, [n]o:", "yn", kConsentTime);
    if (letter == 'y') return {};
    return Error{Errc::refused, "the rebuild was not agreed to", "Nothing was begun."};
}

// Whoever was ended by a signal says so by its status.
Result<int> by_signal(Result<int> result, const TerminalOperator& person) {
    const bool was_interrupted = !result && result.error().code == Errc::refused && person.interrupted_by() != 0;
    if (!was_interrupted) return result;
    log_error(result.error());
    return kSignalled + person.interrupted_by();
}

// A transaction whose outcome is unknown may have been done: what is there tells, once etcd answers. What is done later
// than that is not done at all, as the lock has gone then.
Status begin(Site& site, const etcd::Lock& lock, const Situation& seen, const etcd::Plan& plan, Clock& clock) {
    Status begun = site.store.begin(lock, seen, plan, first_phase(plan.generation, clock.wall()));
    if (begun || begun.error().code != Errc::etcd_unavailable || begun.error().retry == Retry::safe) return begun;
    Silence silence(clock, site.request.patience);
    TRY(silence.tolerate(begun.error()));
    while (true) {
        const Result<Situation> now = site.store.look();
        if (!now) {
            TRY(silence.tolerate(now.error()));
            clock.sleep(kRound);
            continue;
        }
        if (now->is_active() && now->plan.value->generation == plan.generation) return {};
        begun.error().hint = "Look at polygon-rebuild status, and run it again.";
        return begun;
    }
}

Result<int> propose_and_run(Site& site, const RunRequest& run, TerminalOperator& person, Clock& clock) {
    auto lock = TRY(take_lock(site.configuration, "run", clock));
    const std::string generation = etcd::make_generation_name(clock.wall());
    const Answered answered = TRY(ask_nodes(site.store, generation, lock->lease(), person, clock));
    const Proposal proposal = TRY(propose(site, run, answered));
    print(to_table(proposal));
    if (proposal.in_the_way) return *proposal.in_the_way;
    const etcd::Plan plan =
        make_plan(proposal, generation, format_utc(clock.wall()), answered.situation.generation.text);
    if (run.newer == Newer::required) TRY(check_newer(answered.situation.generation.value, plan.backup));
    TRY(require_consent(run.consent, person));
    TRY(begin(site, *lock, answered.situation, plan, clock));
    return conclude(TRY(coordinate(site, std::move(lock), person, "run", Order::none, clock)));
}

Result<int> propose_only(Site& site, const RunRequest& run, TerminalOperator& person, Clock& clock) {
    const etcd::LeaseId lease = TRY(site.store.grant_lease(kRequestLifetime));
    const Answered answered =
        TRY(ask_nodes(site.store, "plan-" + etcd::make_generation_name(clock.wall()), lease, person, clock));
    const Proposal proposal = TRY(propose(site, run, answered));
    print(run.format == Format::json ? to_json(proposal) : to_table(proposal));
    if (proposal.in_the_way) return *proposal.in_the_way;
    return 0;
}

}  // namespace

Result<int> run(const Request& request, const RunRequest& run, Clock& clock) {
    const auto site = TRY(Site::open(request));
    TerminalOperator person(clock);
    Result<int> ended = propose_and_run(*site, run, person, clock);
    tell_metrics(*site, clock);
    return by_signal(std::move(ended), person);
}

Result<int> show_plan(const Request& request, const RunRequest& run, Clock& clock) {
    const auto site = TRY(Site::open(request));
    TerminalOperator person(clock);
    return by_signal(propose_only(*site, run, person, clock), person);
}

}  // namespace polygon::rebuild
