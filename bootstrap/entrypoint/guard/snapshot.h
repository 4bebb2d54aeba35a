// What the guard decides on, read from the disk and from etcd.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <sys/types.h>

#include "bootstrap/entrypoint/guard/guard.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/etcd/client.h"
#include "common/patroni/cluster.h"
#include "common/patroni/configuration.h"
#include "common/patroni/rest.h"
#include "common/postgres/data_directory.h"

namespace polygon::entrypoint {

// Only what is absent is taken as absent; what is there and cannot be read is in DataSeen::unreadable. An error if the
// directories themselves cannot be read.
Result<DataSeen> look_at_data(const postgres::Places& places);

class ClusterWatch {
  public:
    ClusterWatch(const patroni::Configuration& configuration, etcd::Client& etcd, Clock& clock);

    // Errc::etcd_unavailable while etcd does not answer: then nothing is decided.
    Result<ClusterSeen> look();

    // Deletes the key `initialize` if it is still "" as look() saw it last.
    Status clear_initialize();

  private:
    void note_initialize(const etcd::Snapshot& snapshot, ClusterSeen& seen);
    bool answers_as_running(const patroni::MemberKey& member);

    const patroni::Configuration& configuration_;
    Clock& clock_;
    etcd::Client& etcd_;
    patroni::RestClient rest_;
    std::int64_t initialize_revision_ = 0;
    Clock::Instant initialize_since_;
};

}  // namespace polygon::entrypoint
