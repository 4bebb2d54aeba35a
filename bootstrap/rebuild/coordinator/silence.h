// An etcd that does not answer, or fails to do what it is asked: waited for, but not for ever.
#pragma once

#include <chrono>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace polygon::rebuild {

class Silence {
  public:
    Silence(Clock& clock, std::chrono::seconds limit) : clock_(clock), limit_(limit), answered_(clock.now()) {}

    // What failed may be tried again. The error itself if it is none of etcd's silence, or if that has lasted for the
    // limit. The first of a silence is logged.
    Status tolerate(const Error& error);
    // All that was asked of etcd was done.
    void end();
    bool is_on() const { return is_told_; }

  private:
    Clock& clock_;
    std::chrono::seconds limit_;
    Clock::Instant answered_;
    bool is_told_ = false;
};

}  // namespace polygon::rebuild
