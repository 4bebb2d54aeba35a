#include "bootstrap/restore/orders.h"

#include <fmt/format.h>

#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/etcd/stored.h"

namespace polygon::bootstrap {
namespace {

bool is_under_way(const Orders& orders) {
    return etcd::is_active(orders.plan, orders.phase);
}

// A reset is followed until a generation of its name is proven.
bool is_reset_to_do(const Orders& orders) {
    if (!orders.plan || orders.plan->mode != etcd::Mode::reset) return false;
    return !orders.generation || orders.generation->generation != orders.plan->generation;
}

std::string describe(const Orders& orders) {
    return fmt::format("rebuild {} is in phase '{}'", orders.plan->generation, etcd::to_text(orders.phase->phase));
}

Error not_now(const Orders& orders, const std::string& member) {
    return {Errc::conflict, fmt::format("{}, in which '{}' restores nothing", describe(orders), member),
            "Let polygon-entrypoint start Patroni; polygon-rebuild status says what the rebuild waits for."};
}

Error led_by_another(const etcd::Plan& plan, const std::string& member) {
    return {Errc::conflict,
            fmt::format("generation {} is to be led by '{}', this is '{}'", plan.generation, plan.leader, member),
            "Start the nodes under polygon-entrypoint, which lets the planned leader go first."};
}

}  // namespace

Result<Orders> read_orders(const patroni::Configuration& configuration) {
    const etcd::RebuildKeys keys(configuration.key_prefix());
    etcd::Client client(configuration.etcd3);
    Orders orders;
    // Both in one read: a phase belongs to the plan beside it.
    const etcd::Snapshot snapshot = TRY(client.read_prefix(keys.orders()));
    orders.phase = TRY(etcd::find_stored(snapshot, keys.phase(), etcd::parse_phase)).value;
    orders.plan = TRY(etcd::find_stored(snapshot, keys.plan(), etcd::parse_plan)).value;
    orders.generation = TRY(etcd::read_stored(client, keys.generation(), etcd::parse_generation)).value;
    return orders;
}

Result<BootstrapWay> choose_way(const Orders& orders, const std::string& member) {
    if (!is_under_way(orders) || orders.plan->mode != etcd::Mode::staged) return BootstrapWay::restore;
    if (orders.phase->phase != etcd::Phase::bootstrap) return not_now(orders, member);
    if (orders.plan->leader != member) return led_by_another(*orders.plan, member);
    return BootstrapWay::adopt_staged;
}

Result<std::optional<etcd::Plan>> plan_to_restore(const Orders& orders, const std::string& member) {
    const bool is_rebuild = is_under_way(orders);
    if (!is_rebuild && !is_reset_to_do(orders)) return std::optional<etcd::Plan>();
    if (is_rebuild && (orders.plan->mode != etcd::Mode::in_place || orders.phase->phase != etcd::Phase::bootstrap))
        return not_now(orders, member);
    if (orders.plan->leader != member) return led_by_another(*orders.plan, member);
    return orders.plan;
}

std::optional<etcd::Plan> plan_to_report(const Orders& orders, const std::string& member) {
    if (!is_under_way(orders) && !is_reset_to_do(orders)) return std::nullopt;
    return orders.plan->leader == member ? orders.plan : std::nullopt;
}

Result<etcd::Plan> require_phase(const Orders& orders, const std::string& member, etcd::Phase phase) {
    constexpr const char* kAgents = "polygon-entrypoint calls this when the rebuild comes to it.";
    if (!is_under_way(orders)) return Error{Errc::conflict, "no rebuild is under way", kAgents};
    if (orders.phase->phase != phase)
        return Error{Errc::conflict, fmt::format("{}, not in '{}'", describe(orders), etcd::to_text(phase)), kAgents};
    if (etcd::names_member(*orders.plan, member)) return *orders.plan;
    return Error{Errc::conflict, fmt::format("rebuild {} does not name '{}'", orders.plan->generation, member),
                 "Only members of the cluster it was planned for take part."};
}

Status require_discardable(const Orders& orders, const std::string& member) {
    if (!is_under_way(orders) || !etcd::names_member(*orders.plan, member)) return {};
    return Error{Errc::conflict, fmt::format("{}, which may still need what is to be removed", describe(orders)),
                 "Wait until it has ended; polygon-rebuild status says how far it is."};
}

}  // namespace polygon::bootstrap
