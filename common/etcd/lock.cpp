#include "common/etcd/lock.h"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace polygon::etcd {
namespace {

using std::chrono::milliseconds;

// An endpoint that hangs must leave time for the others before the lease has run out.
Settings in_time_for(Settings settings, std::chrono::seconds ttl) {
    settings.timeout = std::min(settings.timeout, milliseconds(ttl) / 3);
    return settings;
}

Error held_by(const std::string& key, const std::string& holder, std::chrono::seconds ttl) {
    return {Errc::conflict, fmt::format("etcd's key '{}' is held by '{}'", key, holder),
            fmt::format("Wait until it has ended. If it is dead, its key goes within {} s.", ttl.count())};
}

// The revision of the key. An unknown outcome is looked up: a transaction that comes late finds its lease revoked.
Result<std::int64_t> put_key(Client& client, const std::string& key, const std::string& holder, const Lease& lease,
                             std::chrono::seconds ttl) {
    const Result<Outcome> outcome = client.commit({.compares = {absent(key)}, .then = {put(key, holder, lease.id)}});
    if (outcome && outcome->succeeded) return outcome->revision;
    const auto found = client.read(key);
    if (found && *found) {
        if ((*found)->lease == lease.id) return (*found)->mod_revision;
        return held_by(key, (*found)->value, ttl);
    }
    if (!outcome) return outcome.error();
    if (!found) return found.error();
    return Error{Errc::conflict, fmt::format("etcd's key '{}' was held until a moment ago", key),
                 "Run the same command again.", Retry::safe};
}

// So that the program's own handlers run on the thread that they were made for.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_;
};

}  // namespace

struct Lock::Keeper {
    Keeper(const Settings& settings, std::chrono::seconds ttl, Clock& clock)
        : client(in_time_for(settings, ttl)), lifetime(ttl), time(clock) {}
    Keeper(const Keeper&) = delete;
    Keeper& operator=(const Keeper&) = delete;
    ~Keeper();

    void start();
    void run();
    bool renew();
    bool is_held() const;

    Client client;  // of the thread alone while that runs
    const milliseconds lifetime;
    Clock& time;
    std::string key;
    LeaseId lease = kNoLease;
    std::int64_t revision = 0;

    mutable std::mutex mutex;
    std::condition_variable stop;
    bool is_stopping = false;
    bool is_lost = false;
    Clock::Instant good_until;  // counted from before the request that etcd answered was sent
    std::thread thread;
};

Lock::Keeper::~Keeper() {
    {
        const std::lock_guard guard(mutex);
        is_stopping = true;
    }
    stop.notify_all();
    if (thread.joinable()) thread.join();
    if (lease != kNoLease) static_cast<void>(client.revoke_lease(lease));
}

void Lock::Keeper::start() {
    const SignalsBlocked blocked;
    thread = std::thread([this] { run(); });
}

// Ends when it is told to, or when the lock is lost. After a failure it tries again sooner.
void Lock::Keeper::run() {
    const milliseconds usual = lifetime / 3;
    const milliseconds soon = lifetime / 20;
    milliseconds pause = usual;
    while (true) {
        {
            std::unique_lock guard(mutex);
            if (stop.wait_for(guard, pause, [&] { return is_stopping; })) return;
        }
        pause = renew() ? usual : soon;
        if (!is_held()) return;
    }
}

bool Lock::Keeper::renew() {
    const Clock::Instant asked = time.now();
    const Status kept = client.keep_alive(lease);
    const std::lock_guard guard(mutex);
    // Once its time was over it stays lost, even if etcd was more patient: somebody may have been told so.
    if (time.now() >= good_until || (!kept && kept.error().code == Errc::conflict)) is_lost = true;
    if (kept) good_until = asked + lifetime;
    return kept.has_value();
}

bool Lock::Keeper::is_held() const {
    const std::lock_guard guard(mutex);
    return !is_lost && time.now() < good_until;
}

Result<std::unique_ptr<Lock>> Lock::acquire(const Settings& settings, std::string key, std::string holder,
                                            std::chrono::seconds ttl, Clock& clock) {
    auto keeper = std::make_unique<Keeper>(settings, ttl, clock);
    keeper->good_until = clock.now() + ttl;
    const Lease lease = TRY(keeper->client.grant_lease(ttl));
    keeper->lease = lease.id;  // revoked from here on, whatever happens
    keeper->revision = TRY(put_key(keeper->client, key, holder, lease, ttl));
    keeper->key = std::move(key);
    keeper->start();
    return std::unique_ptr<Lock>(new Lock(std::move(keeper)));
}

Lock::Lock(std::unique_ptr<Keeper> keeper) : keeper_(std::move(keeper)) {}
Lock::~Lock() = default;

bool Lock::is_held() const {
    return keeper_->is_held();
}

Compare Lock::is_mine() const {
    return mod_revision_is(keeper_->key, keeper_->revision);
}

LeaseId Lock::lease() const {
    return keeper_->lease;
}

}  // namespace polygon::etcd
