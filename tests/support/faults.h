// What can befall a polygon in the middle of a rebuild, done to a real one.
#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "common/base/result.h"
#include "common/etcd/rebuild_state.h"
#include "tests/support/operator_command.h"
#include "tests/support/stand.h"

namespace polygon::support {

// Whom it befalls, and what it needs to.
struct Scene {
    Stand& stand;
    OperatorCommand& coordinator;
    PatroniNode& leader;   // as planned, from which `replica` is to clone
    PatroniNode& replica;  // another one
};

// How somebody goes on when the coordinator has not brought it to an end.
enum class Recourse { resume, rollback };

struct Fault {
    std::string_view name;
    // Errc::not_proven if there was nothing to strike, such as a server that is down.
    Status (*strike)(const Scene& scene);
    // Ends it; none: it has ended by itself.
    Status (*mend)(const Scene& scene) = nullptr;
    std::chrono::seconds lasts{0};  // until it is mended
    // The phases in which it means anything, in order.
    etcd::Phase first = etcd::Phase::stage;
    etcd::Phase last = etcd::Phase::rolled_back;
    Recourse recourse = Recourse::resume;
};

std::span<const Fault> all_faults();
// By its name; Errc::internal if there is none.
Result<Fault> find_fault(std::string_view name);

// What fills up the disk of a node's data, see full_disk.cpp; before the node is started.
void let_disk_be_filled(Workspace& workspace, PatroniNode& node);

}  // namespace polygon::support
