// The node's record in etcd, under a lease that this keeps alive.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_state.h"

namespace polygon::entrypoint {

// Pure: whether the coordinator has to know; figures alone can wait.
bool is_worth_writing(const etcd::NodeRecord& written, const etcd::NodeRecord& now, std::chrono::milliseconds since);

// Pure: texts of any length are cut, for etcd's limit on a request (1.5 MiB).
etcd::NodeRecord cut_to_size(etcd::NodeRecord record);

class Publisher {
  public:
    Publisher(etcd::Client& etcd, std::string key, Clock& clock) : etcd_(etcd), key_(std::move(key)), clock_(clock) {}

    // Writes the record if it has changed, keeps the lease, and gets another one if it was lost.
    Status publish(etcd::NodeRecord record);
    // The record goes at once.
    void withdraw();

  private:
    Status keep_lease();

    etcd::Client& etcd_;
    const std::string key_;
    Clock& clock_;
    etcd::LeaseId lease_ = etcd::kNoLease;
    Clock::Instant kept_;
    std::optional<etcd::NodeRecord> written_;  // under this lease
    Clock::Instant written_at_;
};

}  // namespace polygon::entrypoint
