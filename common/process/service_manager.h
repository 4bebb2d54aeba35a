// systemd's notify protocol, sd_notify(3), without its library: a datagram to the socket that $NOTIFY_SOCKET names.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/process/child.h"

namespace polygon::process {

class ServiceManager {
  public:
    // Without NOTIFY_SOCKET in `environment` nobody wants to know, and nothing is ever sent.
    explicit ServiceManager(const Environment& environment);

    bool is_there() const { return !socket_.empty(); }
    // READY=1: what was started is there, as a unit of Type=notify waits for.
    Status say_ready() const;
    // STATUS=…: the line that `systemctl status` shows. Line breaks become spaces.
    Status say_status(std::string line) const;

  private:
    Status send(const std::string& state) const;

    std::string socket_;  // a path, or "@name" of the abstract name space
};

}  // namespace polygon::process
