#include "callbacks/role_change/role_change.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/prctl.h>

#include "callbacks/role_change/assessment.h"
#include "common/base/log.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/patroni/configuration.h"
#include "common/patroni/rest.h"
#include "common/postgres/connection.h"
#include "common/postgres/generation_marker.h"
#include "common/sanitize/stamp.h"

namespace polygon::role_change {
namespace {

using namespace std::chrono_literals;

// Most members come back at once, and wait for their slots.
constexpr auto kFirstRounds = 500ms;
constexpr auto kFirstRoundsFor = 30s;
constexpr auto kRound = 2s;
constexpr auto kWakeAgainAfter = 2s;

bool concerns_a_leader(const Request& request) {
    const bool is_leader = request.role == "primary" || request.role == "master";
    return is_leader && (request.action == "on_start" || request.action == "on_role_change");
}

std::string own_api_url(const patroni::RestapiSection& restapi) {
    const std::string& address = restapi.connect_address.empty() ? restapi.listen : restapi.connect_address;
    return (restapi.certificate_file.empty() ? "http://" : "https://") + address;
}

// Without connect_address: the first that it listens on; of all addresses localhost, as Patroni has it
// (patroni/postgresql/config.py, _get_tcp_local_address).
std::string own_address(const patroni::PostgresqlSection& postgresql) {
    if (!postgresql.connect_address.empty()) return postgresql.connect_address;
    const std::string& listen = postgresql.listen;
    const std::size_t colon = listen.rfind(':');
    const std::string port = colon == std::string::npos ? "" : listen.substr(colon);
    const std::string host = listen.substr(0, std::min(listen.find(','), colon));
    return (host == "*" || host == "0.0.0.0" || host == "::" || host == "[::]" ? "localhost" : host) + port;
}

Result<postgres::Connection> connect(const patroni::Configuration& configuration, const std::string& address) {
    const patroni::Credentials& superuser = configuration.postgresql.superuser;
    auto parameters =
        postgres::at_address(address, superuser.username, superuser.password, "postgres", superuser.connection);
    parameters.keywords["connect_timeout"] = "3";
    parameters.key_password = superuser.key_password;
    return postgres::Connection::open_shielded(parameters);
}

struct MemberAnswer {
    std::string generation;     // "" if its data carries none
    bool is_receiving = false;  // it streams, from the leader or, as a cascading replica, from another
};

// None where its PostgreSQL does not answer.
std::optional<MemberAnswer> ask_member(const patroni::Configuration& configuration, const patroni::MemberView& member) {
    if (member.host.empty() || !member.port) return std::nullopt;
    Result<postgres::Connection> session = connect(configuration, fmt::format("{}:{}", member.host, *member.port));
    if (!session) return std::nullopt;
    const auto generation = sanitize::read_carried_generation(*session);
    const auto receivers =
        session->value("SELECT count(*) FROM pg_catalog.pg_stat_wal_receiver WHERE status = 'streaming'");
    if (!generation || !receivers) return std::nullopt;
    return MemberAnswer{generation->value_or(""), *receivers != "0"};
}

class Callback {
  public:
    Callback(const patroni::Configuration& configuration, std::string generation, Clock& clock)
        : configuration_(configuration),
          generation_(std::move(generation)),
          clock_(clock),
          rest_(configuration.rest_client) {}

    // The members that the cluster had before the reset: they will come back, and not all at once.
    void expect_members_before_reset() {
        etcd::Client client(configuration_.etcd3);
        const std::string prefix = etcd::RebuildKeys(configuration_.key_prefix()).saved(generation_, "members/");
        if (const auto saved = client.read_prefix(prefix)) {
            for (const etcd::KeyValue& entry : saved->entries)
                expected_.insert(entry.key.substr(prefix.size()));
        }
        expected_.erase(configuration_.name);
    }

    Status wait_for_promotion(const Deadline& deadline) {
        const bool is_promoted = wait_until(clock_, deadline, 500ms, [&] {
            Result<postgres::Connection> session = connect(configuration_, own_address(configuration_.postgresql));
            return session && session->value("SELECT pg_catalog.pg_is_in_recovery()").value_or("t") == "f";
        });
        if (is_promoted) return {};
        return Error{Errc::timeout, "the server of this leader did not leave recovery in time", "", Retry::safe};
    }

    Status settle(const Deadline& deadline) {
        std::set<std::string> lagging;
        const Deadline first_rounds(clock_, kFirstRoundsFor);
        while (true) {
            const Result<std::set<std::string>> round = look_once();
            if (round && round->empty()) {
                log_info("every member streams from this leader", {{"generation", generation_}});
                return {};
            }
            if (!round && round.error().code == Errc::conflict) {
                log_info("nothing left to do here", {{"because", round.error().message}});
                return {};
            }
            if (!round) log_warning(round.error().message);
            if (round) lagging = *round;
            if (deadline.has_passed()) break;
            clock_.sleep(first_rounds.has_passed() ? kRound : kFirstRounds);
        }
        return Error{Errc::timeout, fmt::format("not streaming from this leader: {}", fmt::join(lagging, ", ")),
                     "Look at the members' logs, or run patronictl reinit."};
    }

  private:
    // The names of those that do not stream yet, after asking those that need it.
    Result<std::set<std::string>> look_once() {
        // A rebuild may have overtaken a callback that lingers: it must not judge by the generation that it began with.
        const auto marker = TRY(postgres::read_marker(configuration_.postgresql.data_dir));
        if (!marker || marker->generation != generation_) {
            return Error{Errc::conflict, "the data directory carries another generation now", ""};
        }
        postgres::Connection session = TRY(connect(configuration_, own_address(configuration_.postgresql)));
        if (TRY(session.value("SELECT pg_catalog.pg_is_in_recovery()")) == "t") {
            return Error{Errc::conflict, "this node leads no longer", ""};
        }
        const auto streaming = TRY(
            session.column("SELECT application_name FROM pg_catalog.pg_stat_replication WHERE state = 'streaming'"));
        const patroni::ClusterView view = TRY(rest_.read_cluster(own_api_url(configuration_.restapi)));
        std::set<std::string> lagging = expected_;
        for (const patroni::MemberView& member : view.members) {
            if (member.name == configuration_.name) continue;
            lagging.erase(member.name);
            const bool is_streaming = std::find(streaming.begin(), streaming.end(), member.name) != streaming.end();
            if (!attend_to(member, is_streaming)) lagging.insert(member.name);
        }
        return lagging;
    }

    // A replica asks for its slot as soon as it runs; Patroni makes it when it next looks, up to loop_wait later.
    void have_slots_made() {
        if (woken_at_ && clock_.now() - *woken_at_ < kWakeAgainAfter) return;
        woken_at_ = clock_.now();
        const Status woken = rest_.wake(own_api_url(configuration_.restapi));
        if (woken || wake_error_ == woken.error().message) return;
        wake_error_ = woken.error().message;
        log_warning("cannot wake Patroni: a replica waits for its slot up to loop_wait", {{"because", wake_error_}});
    }

    // Whether it streams; asks it to reinitialise if it should.
    bool attend_to(const patroni::MemberView& member, bool is_streaming) {
        const Clock::Instant now = clock_.now();
        const Clock::Instant first_seen = first_seen_.try_emplace(member.name, now).first->second;
        const std::optional<MemberAnswer> answer = ask_member(configuration_, member);
        MemberSeen seen{.state = member.state,
                        .is_streaming = is_streaming || (answer && answer->is_receiving),
                        .generation = answer ? std::optional(answer->generation) : std::nullopt,
                        .watched = std::chrono::duration_cast<std::chrono::milliseconds>(now - first_seen)};
        if (const auto asked = asked_at_.find(member.name); asked != asked_at_.end()) {
            seen.since_asked = std::chrono::duration_cast<std::chrono::milliseconds>(now - asked->second);
        }
        const Assessment assessment = assess(seen, generation_);
        if (reported_[member.name] != assessment.reason) {
            reported_[member.name] = assessment.reason;
            log_info("member " + member.name, {{"state", assessment.reason}});
        }
        if (assessment.verdict == Verdict::reinitialise) ask_to_reinitialise(member, assessment.reason);
        if (assessment.verdict == Verdict::wait && seen.generation == generation_) have_slots_made();
        return assessment.verdict == Verdict::streams;
    }

    void ask_to_reinitialise(const patroni::MemberView& member, const std::string& reason) {
        asked_at_[member.name] = clock_.now();
        const Status asked = rest_.reinitialize(member.api_url, {.running_task = patroni::RunningTask::cancel});
        if (asked) {
            log_info("asked a member to reinitialise", {{"member", member.name}, {"because", reason}});
        } else {
            log_warning("a member does not reinitialise, will ask again",
                        {{"member", member.name}, {"answer", asked.error().message}});
        }
    }

    const patroni::Configuration& configuration_;
    std::string generation_;
    Clock& clock_;
    patroni::RestClient rest_;
    std::set<std::string> expected_;
    std::map<std::string, Clock::Instant> first_seen_;
    std::map<std::string, Clock::Instant> asked_at_;
    std::map<std::string, std::string> reported_;
    std::optional<Clock::Instant> woken_at_;
    std::string wake_error_;  // the last, so that it is told once
};

}  // namespace

Status run(const Request& request, Clock& clock) {
    if (!concerns_a_leader(request)) return {};
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // Patroni leaves a running callback behind when it stops
    const auto configuration = TRY(patroni::Configuration::load({request.source.path, request.source.environment}));
    if (configuration.scope != request.scope) {
        return Error{Errc::configuration,
                     fmt::format("called for scope '{}', but {} is of scope '{}'", request.scope, configuration.source,
                                 configuration.scope),
                     "Point --config or POLYGON_CONFIG at the configuration of the calling Patroni."};
    }
    const auto marker = TRY(postgres::read_marker(configuration.postgresql.data_dir));
    if (!marker) {
        log_info("no polygon.json in the data directory: not a polygon, nothing to do");
        return {};
    }
    const Deadline deadline(clock, request.deadline);
    Callback callback(configuration, marker->generation, clock);
    if (request.action == "on_start") callback.expect_members_before_reset();
    TRY(callback.wait_for_promotion(deadline));
    return callback.settle(deadline);
}

}  // namespace polygon::role_change
