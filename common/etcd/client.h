// etcd v3 over its JSON gateway (/v3, etcd 3.4 to 3.6).
//
// Every failure is Errc::etcd_unavailable, names the endpoints and hints at etcd3.hosts. Each endpoint gets
// Settings::timeout; the next is tried when one does not answer or has no leader. What may be repeated is; a
// transaction is tried on another endpoint only if the first cannot have got it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/etcd/transaction.h"
#include "common/http/client.h"

namespace polygon::etcd {

struct Settings {
    std::vector<std::string> urls;  // "http://127.0.0.1:2379"
    std::string user;               // empty: no authentication
    Secret password;
    http::Tls tls;
    std::chrono::milliseconds timeout{5000};  // of one request to one endpoint
};

struct KeyValue {
    std::string key;
    std::string value;
    std::int64_t create_revision = 0;
    std::int64_t mod_revision = 0;
    std::int64_t version = 0;
    LeaseId lease = kNoLease;
};

struct Snapshot {
    std::vector<KeyValue> entries;  // sorted by key
    std::int64_t revision = 0;      // of the whole store, at the moment of the read
};

struct Outcome {
    bool succeeded = false;  // false: a compare did not hold and nothing was done
    std::int64_t revision = 0;
};

struct Lease {
    LeaseId id = kNoLease;
    std::chrono::seconds ttl{0};  // what etcd granted, which may be more than what was asked for
};

// Not for two threads at once.
class Client {
  public:
    explicit Client(Settings settings);

    // Linearizable.
    Result<Snapshot> read_prefix(std::string_view prefix);
    Result<std::optional<KeyValue>> read(std::string_view key);

    // Retry::no and a message that says that the outcome is unknown when it was sent and nothing came back: read what
    // it would have changed before repeating it.
    // Errc::conflict if it puts a key under a lease that is gone.
    Result<Outcome> commit(const Transaction& transaction);

    Result<Lease> grant_lease(std::chrono::seconds ttl);
    // Errc::conflict if the lease has expired or was revoked: its keys are gone.
    Status keep_alive(LeaseId id);
    // A lease that is not there is no error.
    Status revoke_lease(LeaseId id);
    // Nothing if there is no such lease.
    Result<std::optional<std::chrono::seconds>> remaining(LeaseId id);

    // Of the call that failed last: etcd itself said no, as to a user without a permission or for want of space, and no
    // other endpoint would say otherwise. Asking again is of no use until somebody has changed something.
    bool has_refused() const { return has_refused_; }

    // "http://a:2379, http://b:2379", without passwords: for messages.
    const std::string& endpoints() const { return endpoints_; }

  private:
    struct Answer;
    // Whether a request that may have been done may be sent to another endpoint.
    enum class Repeat { harmless, harmful };

    Result<std::string> call(std::string_view method, const std::string& body, Repeat repeat = Repeat::harmless);
    Answer ask_as_user(const std::string& url, std::string_view method, const std::string& body, Repeat repeat);
    Answer ask(const std::string& url, std::string_view method, const std::string& body, Repeat repeat);
    std::optional<Answer> authenticate(const std::string& url);
    Error to_error(const Answer& answer, std::string_view method, const std::string& url) const;
    Error nonsense(std::string_view method) const;

    Settings settings_;
    std::string endpoints_;
    http::Client http_;
    Secret token_;
    bool has_refused_ = false;
    std::size_t current_ = 0;  // the endpoint that answered last
};

}  // namespace polygon::etcd
