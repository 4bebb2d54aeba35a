#include "bootstrap/rebuild/commands/run.h"

#include <cstdio>

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

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

Status require_consent(Consent consent, TerminalOperator& person) {
    if (consent == Consent::given) return {};
    if (!is_on_terminal())
        return Error{Errc::refused, "nobody is at a terminal to agree to the rebuild",
                     "Say --yes to begin it unasked."};
    const auto letter = ask("Rebuild the polygon now? [y]es, [n]o:", "yn", kConsentTime, person.signals());
    if (letter == 'y') return {};
    return Error{Errc::refused, "the rebuild was not agreed to", ""};
}

}  // namespace

Result<int> run(const Request& request, const RunRequest& run, Clock& clock) {
    const auto site = TRY(Site::open(request));
    TerminalOperator person(clock);
    auto lock = TRY(take_lock(site->configuration, "run", clock));
    const std::string generation = etcd::make_generation_name(clock.wall());
    const Answered answered = TRY(ask_nodes(site->store, generation, lock->lease(), person, clock));
    const Proposal proposal = TRY(propose(*site, run, answered));
    print(to_table(proposal));
    if (proposal.in_the_way) return *proposal.in_the_way;
    const etcd::Plan plan =
        make_plan(proposal, generation, format_utc(clock.wall()), answered.situation.generation.text);
    if (run.newer == Newer::required) TRY(check_newer(answered.situation.generation.value, plan.backup));
    TRY(require_consent(run.consent, person));
    TRY(site->store.begin(*lock, answered.situation, plan, first_phase(generation, clock.wall())));
    return conclude(TRY(coordinate(*site, std::move(lock), person, "run", Order::none, clock)));
}

Status show_plan(const Request& request, const RunRequest& run, Clock& clock) {
    const auto site = TRY(Site::open(request));
    TerminalOperator person(clock);
    const etcd::LeaseId lease = TRY(site->store.grant_lease(kRequestLifetime));
    const Answered answered =
        TRY(ask_nodes(site->store, "plan-" + etcd::make_generation_name(clock.wall()), lease, person, clock));
    const Proposal proposal = TRY(propose(*site, run, answered));
    print(run.format == Format::json ? to_json(proposal) : to_table(proposal));
    if (proposal.in_the_way) return *proposal.in_the_way;
    return {};
}

}  // namespace polygon::rebuild
