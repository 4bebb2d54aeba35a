#include "common/etcd/client.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/etcd/protocol.h"

namespace polygon::etcd {
namespace {

constexpr const char* kHint = "Check that etcd runs and that etcd3.hosts names it.";
constexpr const char* kUserHint = "Check etcd3.username and etcd3.password, and what etcd grants to this user.";
constexpr const char* kServerCertificateHint =
    "Check that etcd3.cacert holds the authority that signed etcd's certificate, and that this is for the host that "
    "etcd3.hosts names.";
constexpr const char* kOwnCertificateHint =
    "Check that etcd3.cert and etcd3.key are a certificate and its key, signed by the authority that etcd trusts.";
constexpr const char* kBrokenOffHint =
    "Check that etcd runs, that etcd3.protocol is what it serves at etcd3.hosts, http or https, and that it trusts "
    "etcd3.cert.";
constexpr const char* kUnknownHint = "Read the keys that it would have changed before repeating it.";
constexpr int kFirstHttpError = 400;

Settings without_trailing_slashes(Settings settings) {
    for (std::string& url : settings.urls) {
        while (!url.empty() && url.back() == '/')
            url.pop_back();
    }
    return settings;
}

std::string join_for_messages(const std::vector<std::string>& urls) {
    std::string joined;
    for (const std::string& url : urls) {
        if (!joined.empty()) joined += ", ";
        joined += http::without_credentials(url);
    }
    return joined;
}

const char* hint_of(http::Failure failure) {
    switch (failure) {
        case http::Failure::server_certificate:
            return kServerCertificateHint;
        case http::Failure::own_certificate:
            return kOwnCertificateHint;
        case http::Failure::broken_off:
            return kBrokenOffHint;
        case http::Failure::other:
            break;
    }
    return kHint;
}

bool is_about_user(const Refusal& refusal) {
    return is_about_token(refusal) || refusal.message == "etcdserver: permission denied" ||
           refusal.message == "etcdserver: authentication failed, invalid user ID or password";
}

}  // namespace

// What one request to one endpoint came to.
struct Client::Answer {
    enum class Kind { ok, refused, silent };
    enum class Effect { none, possible };
    Kind kind = Kind::silent;
    std::string body;              // ok
    Refusal refusal;               // refused
    std::string why;               // refused and silent: for the message
    const char* hint = kHint;      // refused and silent
    Effect effect = Effect::none;  // refused and silent: whether it may have been done all the same
    bool is_endpoints_own = true;  // refused and silent: another endpoint may do better
};

Client::Client(Settings settings)
    : settings_(without_trailing_slashes(std::move(settings))), endpoints_(join_for_messages(settings_.urls)) {}

Result<Snapshot> Client::read_prefix(std::string_view prefix) {
    const std::string answer = TRY(call("kv/range", write_prefix_range(prefix)));
    std::optional<Snapshot> snapshot = read_range_answer(answer);
    if (!snapshot) return nonsense("kv/range");
    return std::move(*snapshot);
}

Result<std::optional<KeyValue>> Client::read(std::string_view key) {
    const std::string answer = TRY(call("kv/range", write_range(key)));
    std::optional<Snapshot> snapshot = read_range_answer(answer);
    if (!snapshot) return nonsense("kv/range");
    if (snapshot->entries.empty()) return std::optional<KeyValue>();
    return std::optional<KeyValue>(std::move(snapshot->entries.front()));
}

Result<Outcome> Client::commit(const Transaction& transaction) {
    const std::string answer = TRY(call("kv/txn", write_transaction(transaction), Repeat::harmful));
    const std::optional<Outcome> outcome = read_transaction_answer(answer);
    if (!outcome) return nonsense("kv/txn");
    return *outcome;
}

Result<Lease> Client::grant_lease(std::chrono::seconds ttl) {
    // A grant that got lost on its way back leaves a lease without keys, which expires.
    const std::string answer = TRY(call("lease/grant", write_lease_grant(ttl)));
    const std::optional<Lease> lease = read_lease_answer(answer);
    if (!lease) return nonsense("lease/grant");
    return *lease;
}

Status Client::keep_alive(LeaseId id) {
    const std::string answer = TRY(call("lease/keepalive", write_lease_id(id)));
    const std::optional<Lease> lease = read_keep_alive_answer(answer);
    if (!lease) return nonsense("lease/keepalive");
    if (lease->ttl.count() > 0) return {};
    return Error{Errc::conflict, fmt::format("etcd lease {} has expired", id), ""};
}

Status Client::revoke_lease(LeaseId id) {
    const Result<std::string> answer = call("lease/revoke", write_lease_id(id));
    if (answer || answer.error().code == Errc::conflict) return {};
    return answer.error();
}

Result<std::optional<std::chrono::seconds>> Client::remaining(LeaseId id) {
    const std::string answer = TRY(call("lease/timetolive", write_lease_id(id)));
    const std::optional<Lease> lease = read_lease_answer(answer);
    if (!lease) return nonsense("lease/timetolive");
    if (lease->ttl.count() < 0) return std::optional<std::chrono::seconds>();
    return std::optional<std::chrono::seconds>(lease->ttl);
}

// The endpoints in turn, beginning with the one that answered last. The hint is that of the first which has a better
// one than the usual.
Result<std::string> Client::call(std::string_view method, const std::string& body, Repeat repeat) {
    std::string reasons;
    const char* hint = kHint;
    has_refused_ = false;
    for (std::size_t tried = 0; tried < settings_.urls.size(); ++tried) {
        const std::size_t index = (current_ + tried) % settings_.urls.size();
        const std::string& url = settings_.urls[index];
        Answer answer = ask_as_user(url, method, body, repeat);
        if (answer.kind == Answer::Kind::ok) {
            current_ = index;
            return std::move(answer.body);
        }
        const bool may_go_on = repeat == Repeat::harmless || answer.effect == Answer::Effect::none;
        if (!answer.is_endpoints_own) {
            has_refused_ = !is_about_token(answer.refusal);  // a token may be stale; the next call takes another
            return to_error(answer, method, url);
        }
        if (!may_go_on) {
            current_ = (index + 1) % settings_.urls.size();  // or an endpoint that hangs would get the next one as well
            return to_error(answer, method, url);
        }
        if (!reasons.empty()) reasons += "; ";
        reasons += answer.why;
        if (hint == kHint) hint = answer.hint;
    }
    if (settings_.urls.empty()) reasons = "no endpoint is configured";
    return Error{Errc::etcd_unavailable, fmt::format("etcd at '{}' cannot serve {}: {}", endpoints_, method, reasons),
                 hint, Retry::safe};
}

// With a token, if there is a user; a token that etcd no longer knows is replaced, once.
Client::Answer Client::ask_as_user(const std::string& url, std::string_view method, const std::string& body,
                                   Repeat repeat) {
    if (settings_.user.empty()) return ask(url, method, body, repeat);
    const bool was_fresh = token_.is_empty();
    if (was_fresh) {
        if (const std::optional<Answer> failed = authenticate(url)) return *failed;
    }
    Answer answer = ask(url, method, body, repeat);
    if (was_fresh || answer.kind != Answer::Kind::refused || !is_about_token(answer.refusal)) return answer;
    if (const std::optional<Answer> failed = authenticate(url)) return *failed;
    return ask(url, method, body, repeat);
}

Client::Answer Client::ask(const std::string& url, std::string_view method, const std::string& body, Repeat repeat) {
    http::Request request{.method = http::Method::post, .url = fmt::format("{}/v3/{}", url, method), .body = body};
    request.headers.emplace_back("Content-Type", "application/json");
    if (!token_.is_empty()) request.headers.emplace_back("Authorization", token_.reveal());
    request.tls = settings_.tls;
    request.total_timeout = settings_.timeout;
    request.connect_timeout = std::min(request.connect_timeout, settings_.timeout);
    request.delivery = repeat == Repeat::harmful ? http::Delivery::once : http::Delivery::repeatable;
    Result<http::Response> response = http_.send(request);
    Answer answer;
    if (!response) {
        answer.why = response.error().message;
        answer.hint = hint_of(http_.last_failure());
        answer.effect = http_.last_sent() == http::Sent::no ? Answer::Effect::none : Answer::Effect::possible;
        return answer;
    }
    if (response->status < kFirstHttpError) {
        answer.kind = Answer::Kind::ok;
        answer.body = std::move(response->body);
        return answer;
    }
    answer.kind = Answer::Kind::refused;
    answer.refusal = read_refusal(response->status, response->body);
    answer.why = fmt::format("'{}' says: {}", http::without_credentials(url), answer.refusal.message);
    answer.is_endpoints_own = is_about_endpoint(answer.refusal);
    const bool is_undone = !answer.is_endpoints_own || is_surely_undone(answer.refusal);
    answer.effect = is_undone ? Answer::Effect::none : Answer::Effect::possible;
    return answer;
}

// Takes a new token. Nothing if that went well, or if etcd needs none; the answer that stood in the way otherwise.
std::optional<Client::Answer> Client::authenticate(const std::string& url) {
    token_ = Secret();
    Answer answer =
        ask(url, "auth/authenticate", write_credentials(settings_.user, settings_.password), Repeat::harmless);
    if (answer.kind == Answer::Kind::ok) {
        if (const auto token = read_token_answer(answer.body)) token_ = Secret(*token);
        return std::nullopt;
    }
    if (answer.refusal.message == "etcdserver: authentication is not enabled") return std::nullopt;
    answer.effect = Answer::Effect::none;  // on the request that the token was for
    return answer;
}

Error Client::to_error(const Answer& answer, std::string_view method, const std::string& url) const {
    const std::string at = http::without_credentials(url);
    if (answer.effect == Answer::Effect::possible) {
        return {Errc::etcd_unavailable,
                fmt::format("the outcome of {} sent to etcd at '{}' is unknown: {}", method, at, answer.why),
                kUnknownHint};
    }
    const Errc code = answer.refusal.code == kGrpcNotFound ? Errc::conflict : Errc::etcd_unavailable;
    return {code, fmt::format("etcd at '{}' refused {}: {}", at, method, answer.refusal.message),
            is_about_user(answer.refusal) ? kUserHint : ""};
}

Error Client::nonsense(std::string_view method) const {
    return {Errc::etcd_unavailable,
            fmt::format("etcd at '{}' answered {} with what is not its JSON", endpoints_, method), kHint};
}

}  // namespace polygon::etcd
