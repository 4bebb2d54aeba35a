// Another cluster that production exchanges rows with by logical replication, in both directions: production subscribes
// to its table `news`, it subscribes to production's table `stations`. A clone of production that lives on as it is
// takes the news from the partner's slot, and production misses them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/cluster.h"
#include "tests/support/plain_server.h"

namespace polygon::support {

class Partner {
  public:
    // Runs, and publishes.
    static Result<std::unique_ptr<Partner>> make(Workspace& workspace);

    // Both subscriptions, their tables copied. Before anything is prepared on production: a new slot waits for the end
    // of all transactions.
    Status tie_to(Cluster& production);

    // Production's subscription is enabled, and takes what there is: as a backup has to find it.
    Status begin_feeding(Cluster& production);
    // It is disabled on production; the slot stays where it is, more news wait in it, and nobody else connects from
    // here on. Remembers this state.
    Status stop_feeding(Cluster& production);
    // The slot is where stop_feeding() left it, and nobody has connected since but the stand. Gives the evidence.
    Result<std::string> check_untouched() const;

    // The role of each side that the other logs in as.
    static Login production_role() { return {"partner_feed", "production-partner_feed-secret"}; }
    std::vector<std::string> passwords() const;
    PlainServer& server() { return server_; }

  private:
    explicit Partner(PlainServer server) : server_(std::move(server)) {}
    Status publish();
    Status subscribe_production(Cluster& production);
    Status subscribe_to(Cluster& production);
    Status alter_subscription(Cluster& production, const std::string& change);
    Status check_caught_up(Cluster& production) const;
    Result<std::string> read_slot() const;

    PlainServer server_;
    std::string slot_;                // as of stop_feeding()
    std::size_t log_size_bytes_ = 0;  // as of stop_feeding()
};

}  // namespace polygon::support
