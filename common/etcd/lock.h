// The one coordinator's lock: a key under a lease that a thread of its own keeps alive.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/etcd/client.h"
#include "common/etcd/transaction.h"

namespace polygon::etcd {

class Lock {
  public:
    // Puts `key` with `holder` as its value if it is not there. Errc::conflict if somebody holds it, with his value in
    // the message. The lease is renewed every third of `ttl` until this object goes; `clock` has to outlive it.
    static Result<std::unique_ptr<Lock>> acquire(const Settings& settings, std::string key, std::string holder,
                                                 std::chrono::seconds ttl, Clock& clock);
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    // Revokes the lease, and the key goes with it; if etcd does not answer, it goes when its time is over. Waits for
    // no more than a request that is on its way.
    ~Lock();

    // False for good from when the lease was found to be gone, or has not been renewed for its whole time. By any
    // thread.
    bool is_held() const;
    // For every transaction of the holder: it holds only as long as the key is the one that acquire() has put.
    Compare is_mine() const;
    // For keys that are to go with the lock.
    LeaseId lease() const;

  private:
    struct Keeper;
    explicit Lock(std::unique_ptr<Keeper> keeper);
    std::unique_ptr<Keeper> keeper_;
};

}  // namespace polygon::etcd
