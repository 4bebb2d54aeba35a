// What makes production dangerous to clone: each thing that test-cases.md lists under "What clones carry", for real. A
// clone that keeps one of them reaches somebody, and leaves a trace that is looked for here.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/support/cluster.h"
#include "tests/support/config_variant.h"
#include "tests/support/listener.h"
#include "tests/support/partner.h"

namespace polygon::support {

// What production's configuration has more, for all this to be possible.
std::span<const Insertion> dangerous_production();
// What the polygon's has more: pg_cron goes on living there, so that only its jobs are to be kept from running, and
// each statement is logged, so that a secret in one would be seen.
std::span<const Insertion> watched_polygon();

class Dangers {
  public:
    // Starts the partner. Errc::configuration if PostgreSQL here has no pg_cron.
    static Result<std::unique_ptr<Dangers>> make(Workspace& workspace);

    // On a healthy production whose database thai is loaded; every segment goes to `archive`.
    Status arm(Cluster& production, const std::filesystem::path& archive);

    Partner& partner() { return *partner_; }
    // Where the foreign servers of production are.
    Listener& foreign_server() { return foreign_server_; }
    // How often the job that production carries has run in the cluster of this scope.
    std::size_t count_runs(const std::string& scope) const;

    // Roles that production has more than its Credentials name.
    static std::vector<Login> more_production_roles();
    // Of those roles, of the partner and of the foreign servers; and what options and settings hold.
    std::vector<std::string> passwords() const;

  private:
    explicit Dangers(std::filesystem::path runs) : runs_(std::move(runs)) {}
    // A command for pg_cron that counts as a run.
    std::string job() const;
    Status add_job(Database& thai) const;
    Status add_foreign_servers(Database& database) const;
    Status add_closed_database(Cluster& production) const;
    Status reach_foreign_server(Database& thai);

    std::filesystem::path runs_;  // a file, a line a run
    std::unique_ptr<Partner> partner_;
    Listener foreign_server_;
};

}  // namespace polygon::support
