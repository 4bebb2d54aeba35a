#include "bootstrap/entrypoint/agent/disk_work.h"

#include <utility>

namespace polygon::entrypoint {

DiskWork::~DiskWork() {
    if (thread_.joinable()) thread_.join();
}

void DiskWork::start(std::function<Status()> work) {
    has_ended_ = false;
    thread_ = std::thread([this, work = std::move(work)] {
        outcome_ = work();
        has_ended_ = true;
    });
}

std::optional<Status> DiskWork::take() {
    if (!thread_.joinable() || !has_ended_) return std::nullopt;
    thread_.join();
    return std::exchange(outcome_, Status());
}

}  // namespace polygon::entrypoint
