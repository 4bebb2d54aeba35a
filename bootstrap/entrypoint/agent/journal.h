// What the agent decides, told once: to the log, to the service manager, and for the node's record.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/process/service_manager.h"

namespace polygon::entrypoint {

class Journal {
  public:
    explicit Journal(const process::ServiceManager& service_manager) : service_manager_(service_manager) {}

    // `who` is "guard" or "agent". A line that is as its last one is not told again.
    void decide(const std::string& who, std::string_view action, const std::string& reason);
    // The same, told at any rate: for what happens once.
    void announce(const std::string& who, std::string_view action, const std::string& reason);
    // The last decision of either: "start: the data directory is empty"; or what keeps it from deciding.
    std::string last() const { return trouble_.empty() ? last_ : "wait: " + trouble_; }

    // What keeps it from deciding at all, told when it begins; no decision.
    void complain(const std::string& trouble);
    void stop_complaining() { trouble_.clear(); }

  private:
    void tell_status(const std::string& line);

    const process::ServiceManager& service_manager_;
    std::map<std::string, std::string> lines_;  // the last one of each
    std::string last_;
    std::string trouble_;
};

}  // namespace polygon::entrypoint
