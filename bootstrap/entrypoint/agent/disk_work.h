// Work on the data directory that may take long, a removal above all, beside the loop that keeps the node's lease.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include "common/base/result.h"

namespace polygon::entrypoint {

class DiskWork {
  public:
    DiskWork() = default;
    DiskWork(const DiskWork&) = delete;
    DiskWork& operator=(const DiskWork&) = delete;
    // Waits for its end.
    ~DiskWork();

    // Not while it is busy.
    void start(std::function<Status()> work);
    // From start() until take().
    bool is_busy() const { return thread_.joinable(); }
    bool has_ended() const { return has_ended_; }
    // What became of it, once; nothing while it goes on or where there is none.
    std::optional<Status> take();

  private:
    std::thread thread_;
    std::atomic<bool> has_ended_ = false;
    Status outcome_;
};

}  // namespace polygon::entrypoint
