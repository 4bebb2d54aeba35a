// What Agent does for each of its tasks, and for the guard's.
#include <csignal>

#include <fmt/format.h>

#include "bootstrap/entrypoint/agent/agent.h"
#include "common/base/log.h"
#include "common/postgres/bootstrap_error.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;
using postgres::LinkTargets;

constexpr auto kGuardInterval = 1s;
constexpr auto kPauseAfterTrouble = 5s;
constexpr auto kPatienceForDisk = 500ms;  // a rename takes less; what takes longer goes on beside the rounds

bool starts_patroni_for_generation(const Orders& orders) {
    return orders.phase->phase != etcd::Phase::restore;
}

HelperKind kind_of(Task task) {
    switch (task) {
        case Task::run_serve:
            return HelperKind::serve;
        case Task::run_copy:
            return HelperKind::copy;
        case Task::discard_staged:
        case Task::discard_all:
            return HelperKind::discard;
        default:
            return HelperKind::stage;
    }
}

// Of a step without a task.
std::string_view text_of(const Step& step) {
    if (!step.answer) return "wait";
    switch (*step.answer) {
        case etcd::AnswerState::working:
            return "wait";
        case etcd::AnswerState::done:
            return "done";
        case etcd::AnswerState::failed:
            break;
    }
    return "failed";
}

std::vector<std::string> arguments_of(Task task, const std::string& source) {
    switch (task) {
        case Task::run_serve:
            return {"serve"};
        case Task::run_copy:
            return {"copy", "--from=" + source};  // from etcd: whatever it is, it is no option
        case Task::discard_staged:
            return {"discard"};
        case Task::discard_all:
            return {"discard", "--previous"};
        default:
            return {"stage"};
    }
}

}  // namespace

void Agent::carry_out(const Orders& orders, const Step& step) {
    if (step.task == Task::none) {
        if (step.guard == Guard::off || !step.reason.empty()) journal_.decide("agent", text_of(step), step.reason);
        return;
    }
    if (step.task == Task::start_patroni) {
        journal_.announce("agent", to_text(step.task), step.reason);
    } else {
        journal_.decide("agent", to_text(step.task), step.reason);
    }
    const Status done = try_task(orders, step.task);
    if (done) return;
    if (!attempt_ || done.error().code == Errc::etcd_unavailable) {
        log_warning(done.error().message);
        return;
    }
    failure_ = Failure{*attempt_, done.error().message};
    is_busy_ = true;
}

Status Agent::try_task(const Orders& orders, Task task) {
    switch (task) {
        case Task::none:
            return {};
        case Task::run_stage:
        case Task::run_serve:
        case Task::run_copy:
        case Task::discard_staged:
        case Task::discard_all:
            return start_helper(orders, task);
        case Task::end_helper:
            helper_.end();
            return {};
        case Task::stop_patroni:
            supervisor_.stop_patroni();
            return {};
        case Task::kill_patroni:
            supervisor_.kill_patroni(step_.reason);
            idle_stop_seen_.reset();  // once; then its end is waited for anew
            return {};
        case Task::stop_server:
            return stop_server();
        case Task::start_patroni:
            return start_patroni(starts_patroni_for_generation(orders) ? orders.plan->generation : "");
        case Task::clear_initialize:
            return clear_initialize(orders);
        default:
            work_on_disk(task, disk_work_of(task, orders.plan->generation));
            return {};
    }
}

Status Agent::start_helper(const Orders& orders, Task task) {
    return helper_.start(kind_of(task), attempt_of(*orders.phase), arguments_of(task, source_));
}

Status Agent::start_patroni(const std::string& serves) {
    TRY(postgres::ensure_link_target(settings_.configuration.postgresql.data_dir));
    postgres::forget_bootstrap_error(places_.data);
    TRY(supervisor_.start_patroni());
    patroni_serves_ = serves;
    patroni_failed_in_.reset();
    disk_seen_.reset();
    is_busy_ = true;
    return {};
}

// As it was read, and in this phase only. What has changed meanwhile is looked at again.
Status Agent::clear_initialize(const Orders& orders) {
    if (!initialize_) return {};
    const etcd::Outcome outcome =
        TRY(etcd_.commit({.compares = {etcd::mod_revision_is(initialize_->key, initialize_->mod_revision),
                                       etcd::value_is(initialize_->key, ""),
                                       etcd::mod_revision_is(keys_.phase(), orders.phase_revision)},
                          .then = {etcd::remove(initialize_->key)}}));
    if (!outcome.succeeded) log_warning(fmt::format("the key '{}' has changed meanwhile", initialize_->key));
    is_busy_ = true;
    return {};
}

// A fast shutdown (PostgreSQL src/backend/postmaster/postmaster.c), asked once of each postmaster.
Status Agent::stop_server() {
    const std::optional<pid_t> pid = TRY(postgres::read_postmaster(places_.data));
    if (!pid || *pid == stopped_server_) return {};
    stopped_server_ = *pid;
    log_info("stops a PostgreSQL that runs without Patroni", {{"pid", *pid}});
    ::kill(*pid, SIGINT);
    return {};
}

std::function<Status()> Agent::disk_work_of(Task task, const std::string& generation) const {
    const postgres::Places places = places_;
    switch (task) {
        case Task::set_aside:
            return [places, generation] { return postgres::set_aside_for(places, generation); };
        case Task::remove_data:
            return [places] { return postgres::remove_with_leftovers(places); };
        case Task::remove_staged:
            return [places] { return postgres::remove_data_directory(places.staged, LinkTargets::with_suffix); };
        case Task::put_in_place:
            return [places] { return put_copy_in_place(places); };
        case Task::take_back:
            return [places] { return postgres::take_back(places); };
        default:
            return [places, generation] { return postgres::bring_back(places, generation); };
    }
}

void Agent::work_on_disk(std::optional<Task> task, std::function<Status()> work) {
    disk_task_ = task;
    disk_attempt_ = attempt_;
    disk_seen_.reset();
    disk_work_.start(std::move(work));
    const Deadline deadline(clock_, kPatienceForDisk);
    is_busy_ = wait_until(clock_, deadline, 5ms, [&] { return disk_work_.has_ended(); });
}

void Agent::note_disk_work() {
    const std::optional<Status> outcome = disk_work_.take();
    if (!outcome || *outcome) return;
    const Error& error = outcome->error();
    if (!disk_task_ && error.code == Errc::io) {
        // A disk that does not answer may do so again; what it says now is no reason to do anything else.
        journal_.decide("guard", to_text(Action::wait), error.message);
        guarded_ = clock_.now() + kPauseAfterTrouble;
    } else if (!disk_task_) {
        supervisor_.give_up(error);
    } else if (disk_task_ == Task::put_in_place && error.code == Errc::conflict && disk_attempt_) {
        log_warning("the copied clone is not used, this member clones the leader: " + error.message);
        unusable_staged_ = disk_attempt_->generation;
    } else if (disk_attempt_) {
        log_warning(error.message);
        failure_ = Failure{*disk_attempt_, error.message};
    } else {
        log_warning(error.message);
    }
}

void Agent::guard() {
    if (guarded_ && clock_.now() - *guarded_ < kGuardInterval) return;
    guarded_ = clock_.now();
    Decision decision;
    if (const Result<ClusterSeen> seen = cluster_.look()) {
        decision = decide(name_, disk_.data, *seen);
    } else {
        decision = {Action::wait, seen.error().message};  // no etcd, no action
    }
    if (decision.action == Action::start) {
        journal_.announce("guard", to_text(decision.action), decision.reason);
    } else {
        journal_.decide("guard", to_text(decision.action), decision.reason);
    }
    carry_out(decision);
}

void Agent::carry_out(const Decision& decision) {
    if (decision.action == Action::wait) return;
    guarded_.reset();  // it looks again at once
    is_busy_ = true;
    const postgres::Places places = places_;
    switch (decision.action) {
        case Action::start:
            if (const Status started = start_patroni(""); !started && !supervisor_.is_ending()) {
                supervisor_.give_up(started.error());
            }
            return;
        case Action::remove_half:
            return work_on_disk(std::nullopt, [places] { return postgres::remove_with_leftovers(places); });
        case Action::set_aside:
            return work_on_disk(std::nullopt, [places] { return postgres::set_aside(places); });
        case Action::clear_initialize:
            if (const Status cleared = cluster_.clear_initialize(); !cleared) log_warning(cleared.error().message);
            return;
        case Action::wait:
            return;
    }
}

}  // namespace polygon::entrypoint
