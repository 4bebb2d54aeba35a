#include "bootstrap/rebuild/commands/verify.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bootstrap/rebuild/cluster_store.h"
#include "bootstrap/rebuild/commands/terminal_operator.h"
#include "bootstrap/rebuild/coordinator/judgement.h"
#include "bootstrap/rebuild/coordinator/rebuild_store.h"
#include "common/base/log.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;

constexpr auto kAnswerTime = 60s;
constexpr auto kKeepingTime = 15s;
constexpr auto kRequestLifetime = 120s;
constexpr auto kRound = 250ms;

// The members of before: a rebuild's plan has them, a reset has saved their keys.
Result<std::vector<std::string>> find_expected(ClusterStore& store, const std::optional<etcd::Generation>& proven) {
    std::vector<std::string> members;
    if (!proven) return members;
    const auto plan = TRY(store.read_plan());
    if (plan && plan->generation == proven->generation) members = plan->members;
    if (!members.empty()) return members;
    for (const SavedMember& saved : TRY(store.read_saved_members(proven->generation)))
        members.push_back(saved.name);
    return members;
}

Status require_answerable(const Situation& seen) {
    if (seen.is_active())
        return Error{
            Errc::refused,
            fmt::format("the rebuild '{}' is under way, and verifies the polygon itself", seen.phase.value->generation),
            "polygon-rebuild status says how far it is."};
    if (!seen.nodes.empty()) return {};
    return Error{Errc::refused,
                 fmt::format("no node of '{}' runs an agent that could prove anything", seen.cluster.prefix),
                 "Run Patroni under polygon-entrypoint on every node of the polygon."};
}

class Verifying {
  public:
    Verifying(RebuildStore& store, std::string id, std::vector<std::string> expected, TerminalOperator& person,
              Clock& clock)
        : store_(store), id_(std::move(id)), expected_(std::move(expected)), person_(person), clock_(clock) {}

    // Until all is proven, or the time is up: then as far as it came.
    Result<Judgement> collect() {
        const Deadline deadline(clock_, kAnswerTime);
        while (true) {
            TRY(look());
            Judgement judgement = judge(polygon(), {.proven = proven(), .members = expected_});
            if (judgement.pending.empty() || deadline.has_passed() || is_hopeless(judgement)) return judgement;
            TRY(pause());
        }
    }

    Result<bool> wait_until_kept(const std::string& verified_at) {
        const Deadline deadline(clock_, kKeepingTime);
        while (!deadline.has_passed()) {
            TRY(look());
            const etcd::NodeProof* leader = find_leader_proof(polygon());
            if (leader != nullptr && leader->kept_certificate == verified_at) return true;
            TRY(pause());
        }
        return false;
    }

  private:
    Status look() {
        seen_ = TRY(store_.look());
        nodes_.clear();
        for (const auto& [name, node] : seen_.nodes)
            nodes_.emplace(name, *node.value);
        return {};
    }

    std::optional<std::string> proven() const {
        const auto& generation = seen_.generation.value;
        return generation ? std::optional(generation->generation) : std::nullopt;
    }

    // Of a polygon that nobody has proven, what its leader carries.
    Reported polygon() const {
        const auto leader = nodes_.find(seen_.cluster.keys.leader.value_or(""));
        return {.cluster = seen_.cluster.keys,
                .nodes = nodes_,
                .generation = proven().value_or(leader == nodes_.end() ? "" : leader->second.generation),
                .proof_id = id_};
    }

    // Its leader answers, and carries no generation: no time changes that.
    bool is_hopeless(const Judgement& judgement) const {
        const etcd::NodeProof* leader = find_leader_proof(polygon());
        return !judgement.certificate && leader != nullptr && leader->generation.empty() && !leader->error.empty();
    }

    Status pause() {
        const auto signal = person_.next_signal(kRound);
        if (!signal) return {};
        return Error{Errc::refused, fmt::format("interrupted by signal {} while the nodes were asked", *signal), ""};
    }

    RebuildStore& store_;
    const std::string id_;
    const std::vector<std::string> expected_;
    TerminalOperator& person_;
    Clock& clock_;
    Situation seen_;
    std::map<std::string, etcd::NodeRecord> nodes_;
};

Error not_seen(const Judgement& judgement) {
    return {Errc::not_proven, fmt::format("not proven; still waiting for {}", fmt::join(judgement.pending, ", ")),
            "Look at patronictl list, and at the log of that node's polygon-entrypoint."};
}

Result<sanitize::Certificate> certify(Verifying& verifying, ClusterStore& store, const VerifyRequest& request) {
    Judgement judgement = TRY(verifying.collect());
    if (!judgement.certificate) return not_seen(judgement);
    sanitize::Certificate certificate = *std::move(judgement.certificate);
    fmt::print("{}", request.is_json ? to_json(certificate) : to_table(certificate));
    std::fflush(stdout);
    TRY(store.store_certificate(to_json(sanitize::shortened(certificate))));
    if (!TRY(verifying.wait_until_kept(certificate.verified_at)))
        log_warning("the leader has not kept the certificate; it is in etcd alone");
    return certificate;
}

}  // namespace

Status verify(const VerifyRequest& request, Clock& clock) {
    const auto configuration = TRY(patroni::Configuration::load(request.sources));
    ClusterStore cluster(configuration);
    TRY(cluster.read());
    RebuildStore store(configuration);
    TRY(require_answerable(TRY(store.look())));
    const auto expected = TRY(find_expected(cluster, TRY(cluster.read_generation())));
    TerminalOperator person(clock);
    const etcd::ProofRequest asked{.id = "verify-" + etcd::make_generation_name(clock.wall()),
                                   .purpose = etcd::ProofPurpose::verify};
    TRY(store.ask(asked, TRY(store.grant_lease(kRequestLifetime))));
    Verifying verifying(store, asked.id, expected, person, clock);
    const auto certificate = certify(verifying, cluster, request);
    const Status withdrawn = store.withdraw_request(asked);
    if (!certificate) return certificate.error();
    TRY(withdrawn);
    return sanitize::require_all(certificate->checks);
}

}  // namespace polygon::rebuild
