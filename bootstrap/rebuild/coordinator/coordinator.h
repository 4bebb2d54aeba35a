// The loop around next_move(): reads, shows, acts, until the rebuild has ended or a person is needed.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/rebuild/coordinator/next_move.h"
#include "bootstrap/rebuild/coordinator/patience.h"
#include "bootstrap/rebuild/coordinator/rebuild_store.h"
#include "bootstrap/rebuild/coordinator/silence.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/etcd/lock.h"

namespace polygon::rebuild {

// Who started the program.
class Operator {
  public:
    struct Wish {
        enum class Kind { go_on, detach, go_back };
        Kind kind = Kind::go_on;
        int signal = 0;
    };

    virtual ~Operator() = default;
    // Shows the rebuild; `waiting_for` may be empty.
    virtual void show(const View& view, std::chrono::seconds elapsed, const std::string& waiting_for) = 0;
    // The time between two rounds; a signal may end it.
    virtual std::optional<Wish> wait(std::chrono::milliseconds duration, const View* view) = 0;
};

struct Ending {
    enum class Kind { done, rolled_back, detached };
    Kind kind = Kind::done;
    View view;
    int signal = 0;  // by which it was interrupted; 0: it was not
};

class Coordinator {
  public:
    struct Parts {
        RebuildStore& store;
        Operator& operator_;
        Clock& clock;
        std::function<Result<std::unique_ptr<etcd::Lock>>()> take_lock;
        std::function<void()> on_phase;  // after every change of the phase
    };

    Coordinator(Parts parts, std::unique_ptr<etcd::Lock> lock, std::chrono::seconds patience, Order order);

    // Errors: needs_person (stuck), conflict (another coordinator has taken over), etcd_unavailable for longer than the
    // patience. None of them changes what was reached: `resume` goes on from there.
    Result<Ending> run();

  private:
    using Step = Result<std::optional<Ending>>;
    using Transition = Result<Attempt> (RebuildStore::*)(const etcd::Lock&, const Situation&, const etcd::PhaseRecord&);

    std::chrono::milliseconds pause_after_round() const;
    Step round();
    Step act(const Situation& seen, const View& view, const Move& move);
    Step finish(const Situation& seen, const View& view, etcd::Phase phase);
    Status tolerate(const Error& error);
    Status go_back(const Situation& seen, const Move& move);
    bool is_abort_too_late(const View& view) const;
    Status hold_lock();
    Status require_same_rebuild(const Situation& seen);
    View look_closer(const Situation& seen);
    void certify(const View& view);
    Status enter(const Situation& seen, const Move& move, Transition transition);
    Step stuck(const Situation& seen, const std::string& reason);
    etcd::PhaseRecord next(const Situation& seen, etcd::Phase phase, const std::string& error) const;
    void note_phase(const etcd::PhaseRecord& phase);
    void obey(const Operator::Wish& wish);

    Parts parts_;
    std::unique_ptr<etcd::Lock> lock_;
    std::optional<std::string> holder_;  // what the lock says while it is ours
    Patience patience_;
    Silence silence_;
    Order order_;
    Clock::Instant began_;
    bool has_acted_ = false;  // in this round: the next one follows at once
    std::string generation_;
    std::string phase_;  // with its attempt, as last seen
    Clock::Instant phase_began_;
    bool has_seen_begin_ = false;         // of the phase
    std::optional<Certified> certified_;  // in this phase
    Clock::Instant certified_since_;
    std::optional<View> last_view_;
    int interrupted_by_ = 0;
};

}  // namespace polygon::rebuild
