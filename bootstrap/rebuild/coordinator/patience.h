// Whether a rebuild moves.
#pragma once

#include <chrono>
#include <string>

#include "bootstrap/rebuild/coordinator/view.h"
#include "common/base/clock.h"

namespace polygon::rebuild {

// Changes exactly when something has happened that brings a rebuild on: not with the time at which an agent wrote, nor
// with positions in the WAL. While a node gets its data by Patroni's own clone or bootstrap, its agent knows of no
// bytes: then it is what the file system holds that tells.
std::string fingerprint(const View& view);

class Patience {
  public:
    Patience(Clock& clock, std::chrono::seconds limit) : clock_(clock), limit_(limit), last_(clock.now()) {}

    // Stalled when the view has looked the same for the limit. Before the stop it is not while every member that has
    // not ended its work lives and says that it works; in place neither while the leader's custom bootstrap runs; nor
    // in any phase while a PostgreSQL that was told to stop still shuts down.
    Progress observe(const View& view);
    // Something of ours took its time: it begins anew.
    void restart() { last_ = clock_.now(); }

  private:
    Clock& clock_;
    std::chrono::seconds limit_;
    Clock::Instant last_;
    std::string seen_;
};

}  // namespace polygon::rebuild
