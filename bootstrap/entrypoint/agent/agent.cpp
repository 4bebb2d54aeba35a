#include "bootstrap/entrypoint/agent/agent.h"

#include <fmt/format.h>

#include "bootstrap/entrypoint/agent/orders.h"
#include "common/base/log.h"
#include "common/postgres/bootstrap_error.h"
#include "polygon_version.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;
using etcd::Phase;

constexpr auto kRound = 1000ms;
constexpr auto kBusyRound = 250ms;   // while a rebuild prepares its clones, for hours perhaps
constexpr auto kQuickRound = 100ms;  // from the stop on
constexpr auto kNextStep = 20ms;     // of what takes several tasks
constexpr auto kSlice = 200ms;       // of a pause: so soon the end is seen
constexpr auto kDiskInterval = 5s;   // while Patroni runs and nobody rebuilds
constexpr const char* kStatusFileSuffix = ".rebuild-status.json";

bool is_there(PatroniState state) {
    return state == PatroniState::running || state == PatroniState::stopping;
}

}  // namespace

Agent::Agent(AgentSettings settings, Supervisor& supervisor, const process::ServiceManager& service_manager,
             Clock& clock)
    : settings_(std::move(settings)),
      name_(settings_.configuration.name),
      places_(postgres::find_places(settings_.configuration.postgresql.data_dir)),
      keys_(settings_.configuration.key_prefix()),
      supervisor_(supervisor),
      clock_(clock),
      etcd_(settings_.configuration.etcd3),
      cluster_(settings_.configuration, etcd_, clock),
      publisher_(etcd_, keys_.node(name_), clock),
      helper_(supervisor,
              {settings_.helper_program, settings_.sources.path, places_.data.string() + kStatusFileSuffix}),
      preflight_(supervisor, settings_.helper_program, settings_.sources.path),
      proof_(supervisor, settings_.helper_program, settings_.sources.path, clock),
      journal_(service_manager) {}

void Agent::run() {
    while (!is_stopped_ && !supervisor_.is_ending()) {
        round();
        const Deadline deadline(clock_, pause_after_round());
        wait_until(clock_, deadline, kSlice, [&] { return is_stopped_ || supervisor_.is_ending(); });
    }
    publisher_.withdraw();
    while (!is_stopped_ || (disk_work_.is_busy() && !disk_work_.has_ended())) {
        helper_.poll();  // their last words
        preflight_.follow("");
        proof_.follow({});
        clock_.sleep(kNextStep);
    }
}

std::chrono::milliseconds Agent::pause_after_round() const {
    if (is_busy_) return kNextStep;
    if (attempt_ && !etcd::is_before_stop(attempt_->phase)) return kQuickRound;
    return attempt_ || preflight_.is_asked() || proof_.is_asked() || disk_work_.is_busy() ? kBusyRound : kRound;
}

void Agent::round() {
    is_busy_ = false;
    helper_.poll();
    const auto read = [&]() -> Result<Orders> { return parse_orders(TRY(etcd_.read_prefix(keys_.orders())), keys_); };
    const Result<Orders> orders = read();
    if (!orders) return complain(orders.error());
    preflight_.follow(orders->preflight_id);
    proof_.follow(wanted_proof(*orders, name_));
    const Status acted = act(*orders);
    const Status told = publisher_.publish(make_record(*orders));
    if (acted && told) return journal_.stop_complaining();
    complain(acted ? told.error() : acted.error());
}

void Agent::complain(const Error& error) {
    idle_stop_seen_.reset();  // not seen now; and Patroni, too, may wait for etcd
    journal_.complain(error.message);
}

Status Agent::act(const Orders& orders) {
    supervisor_.set_after_patroni(after_patroni(orders, name_));
    note_attempt(orders);
    note_disk_work();
    if (disk_work_.is_busy()) return {};
    const NodeSeen seen = TRY(look(orders));
    step_ = next_task(orders, seen, previous_setting(orders));
    carry_out(orders, step_);
    const bool is_guarded = step_.guard == Guard::on && !is_there(supervisor_.patroni().state);
    if (is_guarded && !disk_work_.is_busy()) guard();
    return {};
}

void Agent::note_attempt(const Orders& orders) {
    std::optional<Attempt> now;
    if (takes_part(orders, name_)) now = attempt_of(*orders.phase);
    if (now != attempt_) {
        attempt_ = now;
        attempt_seen_ = clock_.now();
        step_ = {};  // what was answered to one phase is no answer to the next
    }
    const bool has_ended = supervisor_.patroni().state == PatroniState::ended;
    if (!has_ended) patroni_failed_in_.reset();
    if (has_ended && !patroni_failed_in_) patroni_failed_in_ = attempt_;
}

Result<NodeSeen> Agent::look(const Orders& orders) {
    TRY(refresh_disk(orders));
    const OthersSeen others = TRY(look_at_others_for(orders));
    NodeSeen seen{.name = name_, .disk = disk_, .patroni = supervisor_.patroni(), .patroni_serves = patroni_serves_};
    seen.has_patroni_failed = attempt_ && patroni_failed_in_ == attempt_;
    if (seen.has_patroni_failed) seen.bootstrap_error = postgres::read_bootstrap_error(places_.data);
    seen.is_staged_unusable = attempt_ && unusable_staged_ == attempt_->generation;
    seen.helper = helper_.seen();
    if (attempt_ && failure_ && failure_->attempt == *attempt_) seen.failure = failure_->error;
    seen.phase_seen_for = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - attempt_seen_);
    seen.is_patroni_at_work = seen.patroni.state == PatroniState::stopping && is_at_work(seen.patroni.pid);
    seen.idle_stop_seen_for = note_idle_stop(seen);
    seen.others = others;
    source_ = others.source;
    return seen;
}

std::chrono::seconds Agent::note_idle_stop(const NodeSeen& seen) {
    const bool is_idle =
        seen.patroni.state == PatroniState::stopping && !seen.disk.data.has_running_server && !seen.is_patroni_at_work;
    if (!is_idle) idle_stop_seen_.reset();
    if (is_idle && !idle_stop_seen_) idle_stop_seen_ = clock_.now();
    return std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - idle_stop_seen_.value_or(clock_.now()));
}

// A running Patroni's data directory changes its generation by nobody's hand but ours: then a look now and then will
// do.
Status Agent::refresh_disk(const Orders& orders) {
    const bool is_idle = !takes_part(orders, name_) && supervisor_.patroni().state == PatroniState::running;
    if (is_idle && disk_seen_ && clock_.now() - *disk_seen_ < kDiskInterval) return {};
    Result<DiskSeen> seen = look_at_disk(places_);
    if (!seen) {
        disk_.data.generation.clear();  // what was there last is not told to those that judge by it
        return seen.error();
    }
    disk_ = *std::move(seen);
    disk_seen_ = clock_.now();
    return {};
}

Result<OthersSeen> Agent::look_at_others_for(const Orders& orders) {
    if (!takes_part(orders, name_)) return OthersSeen();
    const Phase phase = orders.phase->phase;
    if (phase == Phase::bootstrap && orders.plan->leader == name_) {
        initialize_ = TRY(etcd_.read(settings_.configuration.key_prefix() + "initialize"));
        return OthersSeen{.is_initialize_empty = initialize_ && initialize_->value.empty()};
    }
    if (phase != Phase::copy && phase != Phase::stop && phase != Phase::restore) return OthersSeen();
    // The key first: its holder's record is of no earlier moment.
    std::optional<std::string> holder;
    if (phase != Phase::copy) {
        const auto leader = TRY(etcd_.read(settings_.configuration.key_prefix() + "leader"));
        holder = leader ? leader->value : "";
    }
    const etcd::Snapshot nodes = TRY(etcd_.read_prefix(keys_.nodes()));
    return look_at_others(parse_records(nodes), holder, *orders.plan, *orders.phase, name_);
}

// Read when it matters, so that a change since the start of this process counts; once for each rebuild.
patroni::Previous Agent::previous_setting(const Orders& orders) {
    if (!orders.phase || orders.phase->phase != Phase::done || disk_.previous_for != orders.phase->generation) {
        return patroni::Previous::keep_until_verified;
    }
    const Attempt now = attempt_of(*orders.phase);
    if (previous_ && previous_->first == now) return previous_->second;
    const auto settings = patroni::PolygonSettings::load(settings_.sources);
    if (!settings) log_warning("the previous data directory is kept: " + settings.error().message);
    previous_.emplace(now, settings ? settings->staging.previous.value : patroni::Previous::keep);
    return previous_->second;
}

std::optional<etcd::Answer> Agent::make_answer(const Orders& orders) const {
    if (!takes_part(orders, name_) || !step_.answer) return std::nullopt;
    etcd::Answer answer{.generation = orders.phase->generation,
                        .phase = orders.phase->phase,
                        .attempt = orders.phase->attempt,
                        .state = *step_.answer,
                        .activity = step_.reason};
    if (answer.state == etcd::AnswerState::failed) std::swap(answer.activity, answer.error);
    const auto& helper = helper_.seen();
    if (helper && helper->attempt == attempt_of(*orders.phase)) {
        answer.bytes_done = helper->bytes_done;
        answer.bytes_total = helper->bytes_total;
    }
    return answer;
}

// By the postmaster that lives after it was told to stop: Patroni's, or one that has outlived its Patroni.
bool Agent::shuts_down() const {
    const bool was_told = supervisor_.patroni().state == PatroniState::stopping || step_.task == Task::stop_server;
    return was_told && disk_.data.has_running_server;
}

etcd::NodeRecord Agent::make_record(const Orders& orders) const {
    const Room room = read_room(places_);
    etcd::NodeRecord record{.name = name_,
                            .version = kVersion,
                            .is_patroni_running = is_there(supervisor_.patroni().state),
                            .was_primary = disk_.was_primary,
                            .decision = journal_.last(),
                            .generation = disk_.data.generation,
                            .backup_label = disk_.backup_label,
                            .backup_time = disk_.backup_time,
                            .previous_for = disk_.previous_for,
                            .free_bytes = room.free_bytes,
                            .used_bytes = room.used_bytes,
                            .postgres_major = settings_.postgres_major,
                            .system = c_library(),
                            .shuts_down = shuts_down(),
                            .answer = make_answer(orders),
                            .preflight = preflight_.answer(),
                            .proof = proof_.proof()};
    const auto& helper = helper_.seen();
    if (helper && helper->state == HelperState::running) record.address = helper->address;
    return record;
}

}  // namespace polygon::entrypoint
