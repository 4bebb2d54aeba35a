// A tester who writes a row to the polygon every 100 ms, whoever leads it, and what he gets to feel of a rebuild.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "tests/support/cluster.h"

namespace polygon::support {

// A row that was written.
struct Write {
    Clock::Instant at;
    int streaming = 0;              // replicas that streamed from the leader that took it
    std::string system_identifier;  // of that leader
};

struct Outage {
    Clock::Instant last_before;
    Clock::Instant first_after;

    std::chrono::duration<double> length() const { return first_after - last_before; }
};

class OutageWatch {
  public:
    // Into table public.pulse of `database`, which both the polygon before and production have, as the superuser.
    // Begins at once, and ends with the object.
    OutageWatch(Cluster& cluster, const std::string& database);
    OutageWatch(const OutageWatch&) = delete;
    OutageWatch& operator=(const OutageWatch&) = delete;
    ~OutageWatch();

    // The longest time between two rows that were written; Errc::not_proven with fewer than two.
    Result<Outage> longest() const;
    // From the last row before the outage until every other node streamed from the leader again; nothing while they do
    // not.
    std::optional<std::chrono::duration<double>> until_redundant(const Outage& outage) const;
    std::vector<Write> writes() const;
    std::size_t count() const;
    Status wait_for_writes(std::size_t more) const;

  private:
    void write_until_stopped();

    std::string conninfo_;
    std::string statement_;
    int replicas_ = 0;
    std::atomic<bool> is_stopping_ = false;
    mutable std::mutex mutex_;
    std::vector<Write> writes_;
    std::thread thread_;  // last: it uses all the others
};

}  // namespace polygon::support
