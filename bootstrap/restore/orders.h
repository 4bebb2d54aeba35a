// What etcd says of rebuilds, and what that means for this member. Decisions are pure functions over one reading.
#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/etcd/rebuild_state.h"
#include "common/patroni/configuration.h"

namespace polygon::bootstrap {

struct Orders {
    std::optional<etcd::Plan> plan;
    std::optional<etcd::PhaseRecord> phase;
    std::optional<etcd::Generation> generation;  // the one proven last
};

// Errors: etcd_unavailable, conflict (a key holds something else).
Result<Orders> read_orders(const patroni::Configuration& configuration);

// How Patroni's custom bootstrap comes to a data directory.
enum class BootstrapWay { restore, adopt_staged };

// Adoption only in phase bootstrap of a staged rebuild that `member` leads. Errc::conflict where any other rebuild is
// under way: nobody restores for hours in an outage, nor makes a second leader.
Result<BootstrapWay> choose_way(const Orders& orders, const std::string& member);

// Which plan a restore of the custom bootstrap follows; none: nobody planned anything that is still to be done.
// Errc::conflict if another member is to lead, or a rebuild is under way that asks for no restore now.
Result<std::optional<etcd::Plan>> plan_to_restore(const Orders& orders, const std::string& member);

// The plan that this member would lead; nothing is ever wrong with it.
std::optional<etcd::Plan> plan_to_report(const Orders& orders, const std::string& member);

// The rebuild under way. Errc::conflict unless it is in this phase and names the member.
Result<etcd::Plan> require_phase(const Orders& orders, const std::string& member, etcd::Phase phase);

enum class Discarded { staged, staged_and_previous };

// Errc::conflict while a rebuild that names the member may still need what is staged or set aside.
Status require_discardable(const Orders& orders, const std::string& member);

}  // namespace polygon::bootstrap
