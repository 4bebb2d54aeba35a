#include "bootstrap/rebuild/commands/preflight.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/log.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;

constexpr auto kAnswerTime = 60s;
constexpr auto kRound = 250ms;

Status refuse_active(const Situation& seen) {
    if (!seen.is_active()) return {};
    return Error{Errc::refused,
                 fmt::format("the rebuild '{}' is under way (phase {})", seen.phase.value->generation,
                             etcd::to_text(seen.phase.value->phase)),
                 "polygon-rebuild resume goes on with it, polygon-rebuild rollback goes back."};
}

// What the cluster and its agents are can be seen without asking.
Status refuse_at_once(const Situation& seen) {
    TRY(refuse_active(seen));
    if (!seen.nodes.empty()) return {};
    return Error{Errc::refused, fmt::format("no node of '{}' runs an agent", seen.cluster.prefix),
                 "Run Patroni under polygon-entrypoint on every node of the polygon; only such a cluster is rebuilt."};
}

Result<Situation> wait_for_answers(RebuildStore& store, const std::string& id, TerminalOperator& person, Clock& clock) {
    const Deadline deadline(clock, kAnswerTime);
    while (true) {
        Situation seen = TRY(store.look());
        TRY(refuse_active(seen));
        const auto missing = still_asked(seen, id);
        if (missing.empty()) return seen;
        if (deadline.has_passed()) {
            log_warning(fmt::format("no answer from {} within {} s", fmt::join(missing, ", "), kAnswerTime.count()));
            return seen;
        }
        if (const auto signal = person.next_signal(kRound))
            return Error{Errc::refused, fmt::format("interrupted by signal {} before anything was begun", *signal),
                         "Nothing was begun."};
    }
}

}  // namespace

Result<Answered> ask_nodes(RebuildStore& store, const std::string& id, etcd::LeaseId lease, TerminalOperator& person,
                           Clock& clock) {
    TRY(refuse_at_once(TRY(store.look())));
    const etcd::ProofRequest request{.id = id, .purpose = etcd::ProofPurpose::rehearse};
    TRY(store.ask(request, lease));
    log_info("asking every node what it would do, and whom it lets in");
    Result<Situation> seen = wait_for_answers(store, id, person, clock);
    const Status withdrawn = store.withdraw_request(request);
    if (!seen) return seen.error();
    TRY(withdrawn);
    Survey survey = make_survey(*seen, id);
    return Answered{.situation = *std::move(seen), .survey = std::move(survey)};
}

}  // namespace polygon::rebuild
