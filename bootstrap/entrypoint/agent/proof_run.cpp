#include "bootstrap/entrypoint/agent/proof_run.h"

#include <algorithm>

#include <fmt/format.h>

#include "bootstrap/entrypoint/agent/next_task.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;
using etcd::Phase;

constexpr auto kPause = 500ms;
constexpr auto kLongPause = 2s;  // of replicas that clone
constexpr auto kSoon = 30s;
constexpr auto kLongest = 5min;  // of a run: a server that has frozen in a session says nothing, and closes nothing

bool is_let_in_everywhere(const etcd::NodeProof& proof) {
    return !proof.logins.empty() && std::all_of(proof.logins.begin(), proof.logins.end(),
                                                [](const etcd::Login& login) { return login.error.empty(); });
}

}  // namespace

WantedProof wanted_proof(const Orders& orders, const std::string& member) {
    if (takes_part(orders, member)) {
        const Phase phase = orders.phase->phase;
        if (phase == Phase::replicas) return {etcd::proof_id(*orders.phase), ProofKind::follow};
        if (phase == Phase::verify) return {etcd::proof_id(*orders.phase), ProofKind::verify};
    }
    if (!orders.proof) return {};
    return {orders.proof->id,
            orders.proof->purpose == etcd::ProofPurpose::verify ? ProofKind::verify : ProofKind::rehearse};
}

std::vector<std::string> proof_arguments(ProofKind kind, const std::optional<etcd::NodeProof>& last) {
    std::vector<std::string> arguments = {"prove"};
    if (kind == ProofKind::follow) return arguments;
    if (!last || !is_let_in_everywhere(*last)) arguments.emplace_back("--logins");
    if (kind == ProofKind::rehearse) {
        arguments.emplace_back("--rehearsal");
        return arguments;
    }
    if (!last || last->evidence.empty()) arguments.emplace_back("--evidence");
    arguments.emplace_back("--keep-certificate");
    return arguments;
}

etcd::NodeProof completed(etcd::NodeProof now, const std::optional<etcd::NodeProof>& last) {
    if (!last) return now;
    if (now.logins.empty()) now.logins = last->logins;
    const bool is_same_primary = now.role == etcd::ServerRole::primary && last->role == etcd::ServerRole::primary &&
                                 now.timeline == last->timeline && now.generation == last->generation;
    if (now.evidence.empty() && is_same_primary) {
        now.evidence = last->evidence;
        now.stamped_lsn = last->stamped_lsn;
    }
    return now;
}

void ProofRun::follow(const WantedProof& wanted) {
    poll();
    if (wanted != wanted_) {
        wanted_ = wanted;
        wanted_since_ = clock_.now();
        proof_.reset();
        if (run_) run_->end();  // nobody wants it any more; the next begins when it has ended
    }
    if (run_ && clock_.now() - begun_ >= kLongest) give_up();
    if (run_ || wanted_.id.empty()) return;
    if (!proof_ || clock_.now() - ended_ >= pause()) begin();
}

std::chrono::milliseconds ProofRun::pause() const {
    return clock_.now() - wanted_since_ < kSoon ? kPause : std::chrono::milliseconds(kLongPause);
}

void ProofRun::begin() {
    std::vector<std::string> argv = {program_};
    const auto arguments = proof_arguments(wanted_.kind, proof_);
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    if (configuration_) argv.insert(argv.end(), {"--config", configuration_->string()});
    running_for_ = wanted_.id;
    begun_ = clock_.now();
    Result<HelperRun> run = HelperRun::start(supervisor_, argv);
    if (run) {
        run_.emplace(std::move(*run));
    } else {
        fail(run.error().message);
    }
}

// What it said before holds no longer.
void ProofRun::give_up() {
    run_->kill();
    begun_ = clock_.now();
    if (running_for_ != wanted_.id) return;
    fail(fmt::format("{} prove has not ended within {} min", program_, std::chrono::minutes(kLongest).count()));
}

void ProofRun::poll() {
    if (!run_) return;
    const std::optional<int> exit_status = run_->poll();
    if (!exit_status) return;
    const std::string output = run_->output();
    const std::string errors = run_->last_errors();
    run_.reset();
    ended_ = clock_.now();
    if (running_for_ != wanted_.id) return;
    if (*exit_status != 0) {
        return fail(errors.empty() ? fmt::format("{} prove exited with status {}", program_, *exit_status) : errors);
    }
    if (auto proof = etcd::parse_proof(output)) {
        note(*std::move(proof));
    } else {
        fail(proof.error().message);
    }
}

void ProofRun::note(etcd::NodeProof proof) {
    proof.id = wanted_.id;
    proof_ = completed(std::move(proof), proof_);
}

void ProofRun::fail(std::string error) {
    ended_ = clock_.now();
    note({.taken_at = format_utc(clock_.wall()), .error = std::move(error)});
}

}  // namespace polygon::entrypoint
