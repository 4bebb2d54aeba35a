// Which isolations work for this process. Where one has to, a test fails instead of passing over it.
#pragma once

#include <algorithm>
#include <vector>

#include <sys/prctl.h>

#include "common/process/child.h"
#include "common/process/isolation.h"
#include "tests/support/catch.h"

namespace polygon::support {

// A kernel with seccomp(2): then a socket filter works for everybody.
inline bool has_seccomp() {
    return ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

inline bool ends_well(const process::Command& command) {
    const auto done = process::run(command, system_clock(), Deadline(system_clock(), std::chrono::seconds(20)));
    return done && done->exit_status == 0;
}

// Each that works, the filter also where a namespace does, the strongest last. Asked of a child, not of
// strongest_isolation(), and held to what prctl(2) and unshare(1) say.
inline std::vector<process::Isolation> working_isolations() {
    using process::Isolation;
    std::vector<Isolation> working;
    for (const Isolation isolation : {Isolation::socket_filter, Isolation::network_namespace}) {
        if (ends_well({.argv = {"true"}, .isolation = isolation})) working.push_back(isolation);
    }
    const auto works = [&](Isolation isolation) {
        return std::find(working.begin(), working.end(), isolation) != working.end();
    };
    REQUIRE((works(Isolation::socket_filter) || !has_seccomp()));
    const bool has_namespaces = ends_well({.argv = {"unshare", "--user", "--net", "--map-root-user", "true"}});
    REQUIRE((works(Isolation::network_namespace) || !has_namespaces));
    return working;
}

}  // namespace polygon::support
