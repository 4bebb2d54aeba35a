#include "callbacks/role_change/role_change.h"

#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/prctl.h>

#include "callbacks/role_change/assessment.h"
#include "common/base/log.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/etcd/rebuild_state.h"
#include "common/etcd/stored.h"
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

Result<postgres::Connection> connect(const patroni::Configuration& configuration, const std::string& address) {
    const patroni::Credentials& superuser = configuration.postgresql.superuser;
    auto parameters =
        postgres::at_address(address, superuser.username, superuser.password, "postgres", superuser.connection);
    parameters.keywords["connect_timeout"] = "3";
    parameters.key_password = superuser.key_password;
    return postgres::Connection::open_shielded(parameters);
}

// Of a member without an agent, by its own PostgreSQL. None where that does not say.
std::optional<std::string> ask_for_generation(const patroni::Configuration& configuration,
                                              const patroni::MemberView& member) {
    if (member.host.empty() || !member.port) return std::nullopt;
    Result<postgres::Connection> session = connect(configuration, fmt::format("{}:{}", member.host, *member.port));
    if (!session) return std::nullopt;
    return sanitize::read_carried_generation(*session).value_or(std::nullopt);
}

bool is_primary(const patroni::NodeView& node) {
    return node.state == "running" && (node.role == "primary" || node.role == "master");
}

// As PostgreSQL has it in application_name: cut at NAMEDATALEN, what is not ASCII replaced (PostgreSQL
// src/backend/utils/misc/guc.c, check_application_name): then it is not found there, and the member's own word counts.
std::string application_name_of(const std::string& member) {
    constexpr std::size_t longest = 63;
    return member.substr(0, longest);
}

// What etcd has beside Patroni's keys.
struct Kept {
    LeaderSeen leader;
    std::map<std::string, std::string> generations;  // by member, as its agent says; "": it has none, or cannot say
};

class Callback {
  public:
    Callback(const patroni::Configuration& configuration, std::string generation, Clock& clock)
        : configuration_(configuration),
          generation_(std::move(generation)),
          clock_(clock),
          rest_(configuration.rest_client),
          etcd_(configuration.etcd3),
          keys_(configuration.key_prefix()) {}

    // The members that the cluster had before the reset: they will come back, and not all at once.
    void expect_members_before_reset() {
        const std::string prefix = keys_.saved(generation_, "members/");
        if (const auto saved = etcd_.read_prefix(prefix)) {
            for (const etcd::KeyValue& entry : saved->entries)
                expected_.insert(entry.key.substr(prefix.size()));
        }
        expected_.erase(configuration_.name);
    }

    Status wait_for_promotion(const Deadline& deadline) {
        const bool is_promoted = wait_until(clock_, deadline, 500ms, [&] {
            const auto node = rest_.read_node(own_api_url(configuration_.restapi));
            return node && is_primary(*node);
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
                log_info("every member streams", {{"generation", generation_}});
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
        return Error{Errc::timeout, fmt::format("not streaming: {}", fmt::join(lagging, ", ")),
                     "Look at the members' logs; patronictl reinit clones one anew."};
    }

  private:
    // The names of those that do not stream yet, after asking those that need it.
    Result<std::set<std::string>> look_once() {
        // A rebuild may have overtaken a callback that lingers: it must not judge by the generation that it began with.
        const auto marker = TRY(postgres::read_marker(configuration_.postgresql.data_dir));
        if (!marker || marker->generation != generation_) {
            return Error{Errc::conflict, "the data directory carries another generation now", ""};
        }
        const patroni::NodeView own = TRY(rest_.read_node(own_api_url(configuration_.restapi)));
        if (own.state == "running" && !is_primary(own)) return Error{Errc::conflict, "this node leads no longer", ""};
        const patroni::ClusterView view = TRY(rest_.read_cluster(own_api_url(configuration_.restapi)));
        const std::set<std::string> streaming = find_streaming(own, view);
        const Kept kept = TRY(read_kept());
        std::set<std::string> lagging = expected_;
        for (const patroni::MemberView& member : view.members) {
            if (member.name == configuration_.name) continue;
            lagging.erase(member.name);
            if (!attend_to(member, streaming.contains(member.name), kept)) lagging.insert(member.name);
        }
        return lagging;
    }

    Result<Kept> read_kept() {
        const etcd::Snapshot orders = TRY(etcd_.read_prefix(keys_.orders()));
        const auto plan = TRY(etcd::find_stored(orders, keys_.plan(), etcd::parse_plan));
        const auto phase = TRY(etcd::find_stored(orders, keys_.phase(), etcd::parse_phase));
        const auto proven = TRY(etcd::read_stored(etcd_, keys_.generation(), etcd::parse_generation));
        Kept kept{.leader = {.generation = generation_, .is_rebuilding = etcd::is_active(plan.value, phase.value)}};
        if (proven.value) kept.leader.proven = proven.value->generation;
        for (const etcd::KeyValue& entry : TRY(etcd_.read_prefix(keys_.nodes())).entries) {
            const auto record = etcd::parse_node(entry.value);
            const std::string name = entry.key.substr(keys_.nodes().size());
            kept.generations[name] = record ? record->generation : "";
        }
        return kept;
    }

    // Members that stream, from whomever: a cascading replica is in no list of the leader's.
    std::set<std::string> find_streaming(const patroni::NodeView& own, const patroni::ClusterView& view) {
        std::set<std::string> senders_say(own.streaming_to.begin(), own.streaming_to.end());
        std::set<std::string> streaming;
        const auto add_named = [&] {
            for (const patroni::MemberView& member : view.members) {
                if (member.state == "streaming" || senders_say.contains(application_name_of(member.name)))
                    streaming.insert(member.name);
            }
        };
        add_named();
        if (streaming.size() + 1 >= view.members.size()) return streaming;
        for (const patroni::MemberView& member : view.members) {
            if (member.name == configuration_.name || member.api_url.empty()) continue;
            const auto node = rest_.read_node(member.api_url);
            if (!node) continue;
            senders_say.insert(node->streaming_to.begin(), node->streaming_to.end());
            if (node->replication_state == "streaming") streaming.insert(member.name);
        }
        add_named();
        return streaming;
    }

    // What its agent says; without an agent, its PostgreSQL.
    std::optional<std::string> find_generation(const patroni::MemberView& member, const Kept& kept) {
        const auto record = kept.generations.find(member.name);
        std::optional<std::string> generation = record != kept.generations.end()
                                                    ? std::optional(record->second)
                                                    : ask_for_generation(configuration_, member);
        if (generation && generation->empty()) generation.reset();
        return generation;
    }

    // For how long it has been seen with this one, which is not the leader's.
    std::chrono::milliseconds note_foreign(const std::string& name, const std::optional<std::string>& generation) {
        if (!generation || *generation == generation_) {
            foreign_.erase(name);
            return 0ms;
        }
        const auto [seen, is_new] = foreign_.try_emplace(name, *generation, clock_.now());
        if (seen->second.first != *generation) seen->second = {*generation, clock_.now()};
        return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - seen->second.second);
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
    bool attend_to(const patroni::MemberView& member, bool is_streaming, const Kept& kept) {
        MemberSeen seen{
            .state = member.state, .is_streaming = is_streaming, .generation = find_generation(member, kept)};
        seen.foreign_for = note_foreign(member.name, seen.generation);
        if (const auto asked = asked_at_.find(member.name); asked != asked_at_.end()) {
            seen.since_asked = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - asked->second);
        }
        const Assessment assessment = assess(seen, kept.leader);
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
    etcd::Client etcd_;
    etcd::RebuildKeys keys_;
    std::set<std::string> expected_;
    std::map<std::string, std::pair<std::string, Clock::Instant>> foreign_;  // a generation, and since when it is seen
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
