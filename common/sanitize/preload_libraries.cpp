#include "common/sanitize/preload_libraries.h"

#include <algorithm>
#include <array>

namespace polygon::sanitize {
namespace {

struct Refusal {
    std::string_view library;
    std::string_view reason;
};

// By what each registers or hooks in its _PG_init(). Background workers get no slot in the quarantine
// (max_worker_processes = 0), those of libraries that are not named here either; what is named does not rest on that
// alone. Libraries that look at statements would have the passwords that are set.
constexpr std::array kRefusals = {
    Refusal{"pg_cron", "it runs jobs"},
    Refusal{"pg_task", "it runs jobs"},
    Refusal{"pgpro_scheduler", "it runs jobs"},
    Refusal{"pg_partman_bgw", "it runs the maintenance of partitions"},
    Refusal{"timescaledb", "it starts a scheduler of jobs in each database"},
    Refusal{"pglogical", "it connects to its providers"},
    Refusal{"spock", "it connects to its providers"},
    Refusal{"bdr", "it connects to its peers"},
    Refusal{"citus", "it connects to its worker nodes, and passes statements on to them"},
    Refusal{"pg_failover_slots", "it connects to its primary"},
    Refusal{"pgautofailover", "it connects to the nodes that it monitors"},
    Refusal{"pg_net", "it sends HTTP requests"},
    Refusal{"bg_mon", "it listens for HTTP requests"},
    Refusal{"pg_squeeze", "it rewrites tables in the background"},
    Refusal{"pg_prewarm", "it starts a worker that reads blocks"},
    Refusal{"worker_spi", "it starts workers that write tables"},
    Refusal{"powa", "it starts a worker that takes snapshots"},
    Refusal{"pg_wait_sampling", "it starts a worker that samples"},
    Refusal{"pgsentinel", "it starts a worker that samples"},
    Refusal{"pgsodium", "it runs a script for its key"},
    Refusal{"supabase_vault", "it runs a script for its key"},
    Refusal{"login_hook", "it runs a function of production's at each login"},
    Refusal{"pg_tle", "it runs functions of production's at logins and where passwords are set"},
    Refusal{"passwordcheck", "it may refuse passwords that are set"},
    Refusal{"credcheck", "it may refuse roles and passwords that are set"},
    Refusal{"pgaudit", "it logs statements"},
    Refusal{"pgauditlogtofile", "it logs statements"},
    Refusal{"auto_explain", "it logs statements"},
    Refusal{"sepgsql", "it needs SELinux, and may refuse statements"},
};

}  // namespace

std::optional<std::string_view> reason_not_to_preload(std::string_view library) {
    const auto refusal =
        std::find_if(kRefusals.begin(), kRefusals.end(), [&](const Refusal& one) { return one.library == library; });
    return refusal == kRefusals.end() ? std::nullopt : std::optional(refusal->reason);
}

}  // namespace polygon::sanitize
