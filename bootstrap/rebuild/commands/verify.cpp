#include "bootstrap/rebuild/commands/verify.h"

#include <cstdio>

#include <fmt/format.h>

#include "bootstrap/rebuild/cluster_store.h"
#include "bootstrap/rebuild/coordinator/verification.h"

namespace polygon::rebuild {
namespace {

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

}  // namespace

Status verify(const VerifyRequest& request, Clock& clock) {
    const auto configuration = TRY(patroni::Configuration::load(request.sources));
    ClusterStore store(configuration);
    const StoredCluster cluster = TRY(store.read());
    const auto proven = TRY(store.read_generation());
    const auto expected = TRY(find_expected(store, proven));
    const sanitize::Certificate certificate = TRY(verify_polygon(configuration, cluster, proven, expected, clock));
    const std::string json = to_json(certificate);
    fmt::print("{}", request.is_json ? json : to_table(certificate));
    std::fflush(stdout);
    TRY(store.store_certificate(json));
    return sanitize::require_all(certificate.checks);
}

}  // namespace polygon::rebuild
