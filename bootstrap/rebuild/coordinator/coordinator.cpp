#include "bootstrap/rebuild/coordinator/coordinator.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "bootstrap/rebuild/coordinator/records.h"
#include "common/base/log.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;
using etcd::Phase;

constexpr auto kRound = 250ms;
constexpr auto kQuickRound = 100ms;  // from the stop on
constexpr auto kKeepingTime = 15s;   // for the leader to keep its certificate
constexpr const char* kGoOn = "polygon-rebuild resume goes on from there, polygon-rebuild rollback goes back.";

std::chrono::duration<double> since(const etcd::PhaseRecord& phase, Clock& clock) {
    const auto began = parse_utc(phase.since);
    if (!began) return 0s;
    return std::max(std::chrono::duration<double>(clock.wall() - *began), std::chrono::duration<double>(0));
}

}  // namespace

Coordinator::Coordinator(Parts parts, std::unique_ptr<etcd::Lock> lock, std::chrono::seconds patience, Order order)
    : parts_(std::move(parts)),
      lock_(std::move(lock)),
      patience_(parts_.clock, patience),
      silence_(parts_.clock, patience),
      order_(order),
      began_(parts_.clock.now()),
      phase_began_(began_) {}

Result<Ending> Coordinator::run() {
    while (true) {
        Step step = round();
        if (!step) TRY(tolerate(step.error()));
        if (step && *step) return std::move(**step);
        const auto wish = parts_.operator_.wait(pause_after_round(), last_view_ ? &*last_view_ : nullptr);
        if (!wish) continue;
        obey(*wish);
        if (wish->kind == Operator::Wish::Kind::detach && last_view_)
            return Ending{.kind = Ending::Kind::detached, .view = *last_view_, .signal = wish->signal};
    }
}

std::chrono::milliseconds Coordinator::pause_after_round() const {
    if (has_acted_) return 0ms;
    return last_view_ && !etcd::is_before_stop(last_view_->phase.phase) ? kQuickRound : kRound;
}

// Whoever wants to go back before the polygon was stopped aborts.
void Coordinator::obey(const Operator::Wish& wish) {
    if (wish.kind == Operator::Wish::Kind::go_on) return;
    interrupted_by_ = wish.signal;
    if (wish.kind != Operator::Wish::Kind::go_back || !last_view_) return;
    order_ = etcd::is_before_stop(last_view_->phase.phase) ? Order::abort : Order::rollback;
}

// The signal came while the stop was being written: then it detaches, as every later one.
bool Coordinator::is_abort_too_late(const View& view) const {
    const Phase now = view.phase.phase;
    const bool is_forward = !etcd::is_before_stop(now) && now != Phase::undo && now != Phase::restore;
    return order_ == Order::abort && interrupted_by_ != 0 && is_forward && !etcd::is_terminal(now);
}

// An etcd that does not answer is waited for: the nodes go on as they are meanwhile.
Status Coordinator::tolerate(const Error& error) {
    Status tolerated = silence_.tolerate(error);
    if (!tolerated && error.code == Errc::etcd_unavailable) tolerated.error().hint = kGoOn;
    return tolerated;
}

// A lock that was lost while etcd did not answer is taken again, unless somebody else has it. Our own of before may
// still be there: etcd lets every lease live on for its whole time when it comes back.
Status Coordinator::hold_lock() {
    if (lock_ && lock_->is_held()) {
        if (!holder_) holder_ = TRY(parts_.store.read_holder());
        return {};
    }
    lock_.reset();
    Result<std::unique_ptr<etcd::Lock>> taken = parts_.take_lock();
    if (!taken && taken.error().code == Errc::conflict && holder_ && TRY(parts_.store.read_holder()) == holder_)
        return Error{Errc::etcd_unavailable, "this program's lock of before etcd was gone has not expired yet", kGoOn};
    lock_ = TRY(std::move(taken));
    holder_.reset();
    return {};
}

// Somebody may have had the lock meanwhile, and have begun something else.
Status Coordinator::require_same_rebuild(const Situation& seen) {
    const bool is_there =
        seen.plan.value && seen.phase.value && seen.plan.value->generation == seen.phase.value->generation;
    if (generation_.empty() && is_there) generation_ = seen.plan.value->generation;
    if (is_there && seen.plan.value->generation == generation_) return {};
    return Error{Errc::conflict, fmt::format("another coordinator has replaced the rebuild '{}'", generation_),
                 "Look at polygon-rebuild status."};
}

Coordinator::Step Coordinator::round() {
    has_acted_ = false;
    TRY(hold_lock());
    const Situation seen = TRY(parts_.store.look());
    TRY(require_same_rebuild(seen));
    if (silence_.is_on()) patience_.restart();  // the nodes could not say anything meanwhile
    note_phase(*seen.phase.value);
    View view = look_closer(seen);
    view.progress = patience_.observe(view);
    const Move move = next_move(view);
    const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(parts_.clock.now() - began_);
    parts_.operator_.show(view, elapsed, move.kind == Move::Kind::wait ? move.reason : "");
    last_view_ = view;
    if (is_abort_too_late(view))
        return std::optional(Ending{.kind = Ending::Kind::detached, .view = view, .signal = interrupted_by_});
    Step acted = act(seen, view, move);
    if (acted) silence_.end();  // not before: an etcd that is read may refuse every write
    return acted;
}

void Coordinator::note_phase(const etcd::PhaseRecord& phase) {
    std::string now = fmt::format("{} {}", etcd::to_text(phase.phase), phase.attempt);
    if (now == phase_) return;
    has_seen_begin_ = !phase_.empty();
    phase_ = std::move(now);
    phase_began_ = parts_.clock.now();
    certified_.reset();
    parts_.on_phase();
}

View Coordinator::look_closer(const Situation& seen) {
    View view = make_view(seen);
    view.order = std::max(order_, view.order);  // a rollback is obeyed where an abort comes too late
    if (certified_) certified_->is_overdue = parts_.clock.now() - certified_since_ >= kKeepingTime;
    view.certified = certified_;
    return view;
}

Coordinator::Step Coordinator::act(const Situation& seen, const View& view, const Move& move) {
    switch (move.kind) {
        case Move::Kind::wait:
            break;
        case Move::Kind::enter:
            TRY(enter(seen, move, &RebuildStore::enter));
            break;
        case Move::Kind::go_back:
            log_warning("going back to the polygon before: " + move.reason);
            TRY(go_back(seen, move));
            break;
        case Move::Kind::clear:
            TRY(enter(seen, move, &RebuildStore::clear));
            break;
        case Move::Kind::put_back:
            TRY(enter(seen, move, &RebuildStore::put_back));
            break;
        case Move::Kind::certify:
            certify(view);
            break;
        case Move::Kind::finish:
            return finish(seen, view, move.phase);
        case Move::Kind::stuck:
            return stuck(seen, move.reason);
        case Move::Kind::end:
            return std::optional(Ending{
                .kind = move.phase == Phase::done ? Ending::Kind::done : Ending::Kind::rolled_back, .view = view});
    }
    return std::optional<Ending>();
}

etcd::PhaseRecord Coordinator::next(const Situation& seen, Phase phase, const std::string& error) const {
    const etcd::PhaseRecord& now = *seen.phase.value;
    const std::chrono::duration<double> took =
        has_seen_begin_ ? parts_.clock.now() - phase_began_ : since(now, parts_.clock);
    return next_phase(now, phase, error, took, parts_.clock.wall());
}

// What was stopped and not cleared is started again with the keys that it has, but for a pause.
Status Coordinator::go_back(const Situation& seen, const Move& move) {
    const Phase now = seen.phase.value->phase;
    const bool is_stopped = now == Phase::stop || now == Phase::clear;
    const bool is_paused = unpaused_config(seen.cluster).has_value();
    return enter(seen, move, is_stopped && is_paused ? &RebuildStore::restart : &RebuildStore::enter);
}

// What changed meanwhile, or was ordered, is seen in the next round.
Status Coordinator::enter(const Situation& seen, const Move& move, Transition transition) {
    const etcd::PhaseRecord record = next(seen, move.phase, move.reason);
    has_acted_ = TRY((parts_.store.*transition)(*lock_, seen, record)) == Attempt::done;
    if (has_acted_)
        last_view_->phase = record;  // a signal before the next look goes by it
    else
        log_debug("the keys changed meanwhile; looking again", {{"phase", etcd::to_text(move.phase)}});
    return {};
}

void Coordinator::certify(const View& view) {
    sanitize::Certificate certificate = *judge(reported(view), expected_of(view)).certificate;
    certified_ = Certified{.verified_at = certificate.verified_at};
    certified_since_ = parts_.clock.now();
    const Status stored = parts_.store.store_certificate(*lock_, to_json(sanitize::shortened(std::move(certificate))));
    if (!stored) log_warning(stored.error().message);
}

Coordinator::Step Coordinator::finish(const Situation& seen, const View& view, Phase phase) {
    const etcd::PhaseRecord last = next(seen, phase, "");
    if (view.certified && view.certified->is_overdue)
        log_warning("the leader has not kept the certificate; it is in etcd alone");
    const WallTime now = parts_.clock.wall();
    const etcd::HistoryRecord history = make_history(view, last, now);
    if (TRY(parts_.store.finish(*lock_, seen, last, history, format_utc(now))) == Attempt::changed_meanwhile)
        return std::optional<Ending>();
    View ended = view;
    ended.phase = last;
    note_phase(last);
    return std::optional(Ending{.kind = phase == Phase::done ? Ending::Kind::done : Ending::Kind::rolled_back,
                                .view = std::move(ended),
                                .signal = interrupted_by_});
}

Coordinator::Step Coordinator::stuck(const Situation& seen, const std::string& reason) {
    const auto noted = parts_.store.enter(*lock_, seen, stuck_phase(*seen.phase.value, reason));
    if (noted && *noted == Attempt::changed_meanwhile) return std::optional<Ending>();
    if (!noted) log_warning(noted.error().message);
    parts_.on_phase();
    return Error{Errc::needs_person,
                 fmt::format("the rebuild '{}' is stuck in phase {}: {}", generation_,
                             etcd::to_text(seen.phase.value->phase), reason),
                 has_way_back(make_view(seen)) ? kGoOn : "Mend that; polygon-rebuild resume goes on from there."};
}

}  // namespace polygon::rebuild
