/*
 * The rebuild of a polygon as coordinator, agents and Patroni go through it: what spin proves of it is at the end, under
 * "What must never be". run.sh has the configurations, and the mutants (-D…) that spin has to reject.
 *
 * What stands for what
 *   next move of Coordinator   bootstrap/rebuild/coordinator/next_move.cpp, one macro of the same name for each in_…()
 *   COMMIT of Coordinator      bootstrap/rebuild/coordinator/rebuild_store.cpp: what its transactions compare and do
 *   AGENT of Node              bootstrap/entrypoint/agent/next_task.cpp and phases.cpp, by their function's names
 *   guard of Node              bootstrap/entrypoint: what a node's guard does outside of a rebuild
 *   PATRONI of Node            patroni/ha.py, with polygon-bootstrap and polygon-post-bootstrap as its bootstrap
 *   Person                     bootstrap/rebuild/commands/way.cpp: orders to the coordinator at work
 *   TROUBLE of Node            the container ends and is started again; Patroni ends by itself; leases expire
 *
 * Every line of a do-loop is one atomic step: a read of etcd, a transaction, a rename, a start or a stop. Between an
 * agent's read of the phase (`seen`) and what it does by it, and between the coordinator's read and its transaction,
 * anything may happen. A coordinator that died and one that was paused are the same until its last transaction arrives,
 * so there is one event for both: the lock's lease is lost. `attempt` is not in here: a failure goes back, and resume is
 * another coordinator that takes the lock.
 *
 * Assumed: an agent does not sleep through the whole of phase `stage` between reading that nothing is planned and
 * starting Patroni; Patroni that was started has written its member's key before `stage` is over.
 */

#ifndef NAMED
#define NAMED 3   /* members of the plan; node 0 is to lead */
#endif
#ifndef LATE
#define LATE 0    /* 1: one more, which the plan does not name and which comes up when it likes */
#endif
#ifndef CRASHES
#define CRASHES 1 /* ends of a container, or of a Patroni */
#endif
#ifndef FAILURES
#define FAILURES 1 /* of a helper, a proof or the verification */
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 1 /* times that the coordinator's patience ends, or a person says abort, while all is well */
#endif
#ifndef LOSSES
#define LOSSES 1  /* times that the lock's lease is lost */
#endif
#ifndef ROLLBACKS
#define ROLLBACKS 1 /* asked for after `done`, where the old data was kept */
#endif
#ifndef ORDERS
#define ORDERS 0  /* of a person, by another program, to the coordinator that is at work */
#endif
#ifndef COPIES
#define COPIES 0  /* 1: replicas are staged too */
#endif
#define ALL (NAMED + LATE)
#define NOBODY ALL
#define PLANNED 0

/* Phases. NONE: nothing is planned. */
#define NONE 0
#define STAGE 1
#define COPY 2
#define STOP 3
#define CLEAR 4
#define BOOT 5
#define REPLICAS 6
#define VERIFY 7
#define DONE 8
#define UNDO 9
#define RESTORE 10
#define ROLLED_BACK 11

/* Contents of a data directory, and the keys `initialize` and `generation`. */
#define NOTHING 0
#define OLD 1
#define NEW 2        /* proven */
#define UNPROVEN 3   /* of the new generation */
#define EMPTY 3      /* of `initialize`: a bootstrap goes on */

/* Of a staged clone. */
#define PART 1
#define WHOLE 2      /* and sealed */

/* Of a server. PRIVATE: bootstrapped, and nobody is let in. */
#define OFF 0
#define REPLICA 1
#define PRIMARY 2
#define PRIVATE 3

/* Answers. */
#define IS_DONE 1
#define HAS_FAILED 2

typedef Record {
  byte data;       /* D */
  bit half;        /* D has the file that says for which rebuild it is set aside, but has not been renamed */
  bit previous;    /* D.previous holds the old data */
  byte staged;     /* D.staged */
  bit alive;       /* the agent */
  bit patroni;
  bit ended;       /* Patroni by itself, in this phase */
  byte server;
  bit member;      /* Patroni's key members/<name> */
  byte seen;       /* the phase as the agent has read it last */
  byte answered;   /* its key nodes/<name>: to which phase, and what */
  byte answer;
}
Record n[ALL];

/* etcd. */
byte lock = 0;             /* the coordinator that holds it */
byte phase = NONE;
byte leader;
byte initialize = OLD;
byte generation = OLD;
bit served = 0;            /* the planned leader's staged clone: its address is in its record */
byte was_primary;          /* who wrote the old data last: pg_control */

/* For prefix_unchanged_since and the records' mod_revision: written since the coordinator's read. */
bit reads[3];
bit cluster_written[3];
bit records_written[3];

/* The key `order`, what the coordinator has read of it, and whether it was written since. */
#define ABORT 1
#define ROLLBACK 2
byte order = 0;
byte order_read[3];
bit order_written[3];

bit begun = 0;
bit keep;                  /* staging.previous: keep */
bit waited = 0;            /* whoever led has been down: Patroni fails over, as without a rebuild */
byte crashes = CRASHES, failures = FAILURES, give_ups = GIVE_UPS, losses = LOSSES, rollbacks = ROLLBACKS, orders = ORDERS;

#define N n[i]
#define put_cluster() cluster_written[1] = reads[1]; cluster_written[2] = reads[2]
#define put_order() order_written[1] = reads[1]; order_written[2] = reads[2]
#define put_record() records_written[1] = reads[1]; records_written[2] = reads[2]
#define has_answered(i, p, a) (n[i].answered == p && n[i].answer == a)
#if NAMED == 3
#define each(f) (f(0) && f(1) && f(2))
#define any(f) (f(0) || f(1) || f(2))
#else
#define each(f) (f(0) && f(1))
#define any(f) (f(0) || f(1))
#endif
#if LATE
#define has_stranger (n[NAMED].member)
#define is_late_settling (n[NAMED].patroni && !n[NAMED].member)
#else
#define has_stranger false
#define is_late_settling false
#endif

/* ---------------------------------------------------------------------------------------------- the coordinator --- */

#define is_done(i) has_answered(i, phase, IS_DONE)
#define has_failed(i) (has_answered(i, phase, HAS_FAILED) && (phase != COPY || i == PLANNED))
#define has_stopped(i) (has_answered(i, STOP, IS_DONE) || has_answered(i, CLEAR, IS_DONE))
#define has_copied(i) (i == PLANNED || has_answered(i, COPY, IS_DONE) || has_answered(i, COPY, HAS_FAILED))
#define serves(i) (n[i].patroni && (n[i].server == REPLICA || n[i].server == PRIMARY))
#define is_ready(i) (n[i].alive && serves(i))
#define is_going (phase >= STAGE && phase <= VERIFY)
#define back (phase <= CLEAR -> RESTORE : UNDO)

#ifdef CLEAR_WITHOUT_ACKS
#define may_clear true
#else
#define may_clear each(has_stopped)
#endif
#ifdef START_REPLICAS_FIRST
#define is_bootstrapped true
#else
#define is_bootstrapped (is_done(PLANNED) && generation == NEW && leader == PLANNED && initialize == NEW)
#endif

/* obey(): before anything else that could be done. */
#define is_obeyed (is_going && (order == ROLLBACK || (order == ABORT && phase <= COPY)))
#define may_decide (lock == me && !reads[me] && !is_obeyed)
#define decide(p) from = phase; to = p; reads[me] = 1; order_read[me] = order
/* By truth, not by what was answered. */
#define is_off(i) (!n[i].patroni && n[i].server == OFF)

proctype Coordinator(byte me) {
  byte from, to;
  bit counts;

  /* The second takes over when the first has lost the lock: resume. */
end_first:
  atomic { lock == 0 && (me == 1 || losses < LOSSES) -> lock = me; }

end_coordinator:
  do
  /* One read, and what next_move() makes of it. */
  :: atomic { lock == me && !reads[me] && is_obeyed -> decide(back); }
  :: atomic { may_decide && phase == NONE && each(is_ready) && !has_stranger -> decide(STAGE); }
  :: atomic { may_decide && phase == STAGE && each(is_done) ->
       decide((COPIES -> COPY : STOP)); }
  :: atomic { may_decide && phase == COPY && is_done(PLANNED) && each(has_copied) -> decide(STOP); }
  :: atomic { may_decide && phase == STOP && each(is_done) -> decide(CLEAR); }
  :: atomic { may_decide && phase == CLEAR && has_stranger -> decide(RESTORE); }
  :: atomic { may_decide && phase == CLEAR && !has_stranger && may_clear && leader == NOBODY &&
       initialize == OLD -> decide(BOOT); }
  :: atomic { may_decide && phase == CLEAR && initialize != OLD -> decide(RESTORE); }
  :: atomic { may_decide && phase == BOOT && is_bootstrapped -> decide(REPLICAS); }
  :: atomic { may_decide && phase == REPLICAS && each(is_done) && each(serves) && leader != NOBODY ->
       decide(VERIFY); }
  :: atomic { may_decide && phase == VERIFY && each(serves) && leader != NOBODY -> decide(DONE); }
  :: atomic { may_decide && phase == VERIFY && failures > 0 -> failures--; decide(UNDO); }
  :: atomic { may_decide && phase == UNDO && each(is_done) && leader == NOBODY -> decide(RESTORE); }
  :: atomic { may_decide && phase == RESTORE && each(is_done) && each(serves) && leader != NOBODY &&
       initialize == OLD -> decide(ROLLED_BACK); }
  :: atomic { may_decide && is_going && any(has_failed) -> decide(back); }
  :: atomic { may_decide && is_going && give_ups > 0 -> give_ups--; decide(back); }
  :: atomic { may_decide && phase == DONE && keep && rollbacks > 0 -> rollbacks--; decide(UNDO); }
  /* Nothing moves: patience. */
  :: atomic { timeout && lock == me && is_going -> decide(back); }
  :: atomic { timeout && lock == me && (phase == UNDO || phase == RESTORE) -> assert(phase != UNDO && phase != RESTORE); }

  /* The transaction. It is the one that it was at the read, however late it arrives. */
  :: atomic { reads[me] && !(from == STAGE && is_late_settling) ->
       counts = (phase == from);
#ifndef NO_FENCING
       counts = counts && lock == me;
#endif
#ifndef ANY_ORDER_IS_REMOVED
       counts = counts && !order_written[me];
#endif
       if
       :: (from == CLEAR && to == BOOT) || from == UNDO ->
            counts = counts && leader == NOBODY && !cluster_written[me];
#ifndef CLEAR_WITHOUT_ACKS
            counts = counts && !records_written[me];
#endif
       :: else
       fi;
       reads[me] = 0; cluster_written[me] = 0; records_written[me] = 0; order_written[me] = 0;
       if
       :: counts ->
            assert(lock == me);  /* one coordinator's writes count */
            /* who has given an order is obeyed, or has come too late for what was begun already: it is never lost, and
               above all nothing is stopped that somebody wanted to go on */
            assert(!order || order == order_read[me]);
            assert(to != STOP || !order);
            order = 0;
            if
            :: from == CLEAR && to == BOOT && initialize == OLD ->
                 /* the keys are deleted only when every member has said that it is stopped, and is */
                 assert(leader == NOBODY && each(has_stopped) && each(is_off));
                 initialize = NOTHING; phase = BOOT;
            :: from == CLEAR && to == BOOT && initialize != OLD
            :: from == UNDO ->
                 assert(leader == NOBODY && each(is_off));
                 initialize = OLD; generation = OLD; phase = RESTORE;
            :: else -> phase = to;
            fi;
       :: else ->
            if
            :: lock != me -> goto over;
            :: else
            fi;
       fi;
       from = 0; to = 0; counts = 0; order_read[me] = 0;
     }
  :: atomic { lock == me && losses > 0 -> losses--; lock = 0; }
  :: atomic { lock != me && !reads[me] -> goto over; }
  od;
over:
  skip;
}

/* `polygon-rebuild abort` and `rollback` while a coordinator is at work: a look, as of all that it needs, and a write. */
proctype Person() {
end_person:
  do
  :: atomic { orders > 0 && lock != 0 && phase >= STAGE && phase <= COPY ->
       orders--; order = (order == ROLLBACK -> ROLLBACK : ABORT); put_order(); }
  :: atomic { orders > 0 && lock != 0 && is_going -> orders--; order = ROLLBACK; put_order(); }
  /* Its lease expires. */
  :: atomic { order != 0 -> order = 0; put_order(); }
  od
}

/* ------------------------------------------------------------------------------------------------------- a node --- */

#define answer_with(p, a) N.answered = p; N.answer = a; put_record()
#define is_named (i < NAMED)
#define may_act (N.alive && is_named)
#define others_have_stopped(j) (j == i || has_answered(j, STOP, IS_DONE))
/* in_stop: the holder of the leader key is the last. */
#define must_be_stopped ((N.seen == STOP && (leader != i || each(others_have_stopped))) || N.seen == CLEAR || \
                         N.seen == UNDO || (N.seen == BOOT && i != PLANNED) || (N.seen == RESTORE && (N.previous || N.half)))
#define is_stopped (!N.patroni && N.server == OFF)
#define is_leader_silent (was_primary >= NAMED || !n[was_primary].alive)

#ifdef LATE_BY_GUARD_IN_STAGE
/* And its Patroni may come up a phase later, when the polygon stops. */
#define is_guarded_by(p) (p == NONE || p == STAGE || p == COPY || p == DONE || p == ROLLED_BACK)
#define is_in_time (is_named || phase == N.seen || phase <= STOP)
#elif defined(GUARD_KNOWS_NO_PHASE)
#define is_guarded_by(p) true
#define is_in_time true
#else
/* A node that is not named waits from `stage` on. */
#define is_in_time (is_named || phase == N.seen || phase == STAGE)
#define is_guarded_by(p) (p == NONE || ((p == STAGE || p == COPY) && is_named) || p == DONE || p == ROLLED_BACK)
#endif
#if defined(NO_WAIT_FOR_LEADER)
#define may_start_in_restore true
#elif defined(ANY_LEADER_KEY_WILL_DO)
#define may_start_in_restore (was_primary == i || leader != NOBODY)
#else
/* The holder of the leader key has to have read that there is something to restore: until then it may still stop. */
#define may_start_in_restore (was_primary == i || (leader < NAMED && has_answered(leader, RESTORE, IS_DONE)))
#endif

proctype Node(byte i) {
end_node:
  do
  /* AGENT */
  :: atomic { N.alive && N.seen != phase -> N.seen = phase; N.ended = 0; }

  /* stage */
  :: atomic { may_act && N.seen == STAGE && i == PLANNED && N.staged != WHOLE -> N.staged++; }
  :: atomic { may_act && N.seen == STAGE && (i != PLANNED || N.staged == WHOLE) && N.answered != STAGE ->
       answer_with(STAGE, IS_DONE); }
  :: atomic { may_act && N.seen == STAGE && i == PLANNED && N.answered != STAGE && failures > 0 ->
       failures--; answer_with(STAGE, HAS_FAILED); }

#if COPIES
  /* copy */
  :: atomic { may_act && N.seen == COPY && i == PLANNED && !served && N.answered != COPY -> served = 1; }
  :: atomic { may_act && N.seen == COPY && i == PLANNED && served && each(has_copied) ->
       served = 0; answer_with(COPY, IS_DONE); }
  :: atomic { may_act && N.seen == COPY && i != PLANNED && served && N.answered != COPY && N.staged != WHOLE -> N.staged++; }
  :: atomic { may_act && N.seen == COPY && i != PLANNED && N.answered != COPY && N.staged == WHOLE ->
       answer_with(COPY, IS_DONE); }
  :: atomic { may_act && N.seen == COPY && i != PLANNED && N.answered != COPY && served && failures > 0 ->
       failures--; answer_with(COPY, HAS_FAILED); }
#endif

  /* stop_what_runs. Patroni that is paused leaves its server running, and its key until that expires. */
  :: atomic { may_act && must_be_stopped && N.patroni ->
       N.patroni = 0;
       if
       :: N.server = OFF; leader = (leader == i -> NOBODY : leader);
       :: N.server != OFF
       fi; }
  :: atomic { may_act && must_be_stopped && !N.patroni && N.server != OFF -> N.server = OFF; }
  :: atomic { may_act && must_be_stopped && is_stopped && N.seen != RESTORE && N.answered != N.seen ->
       answer_with(N.seen, IS_DONE); }

  /* bootstrap */
  :: atomic { may_act && N.seen == BOOT && i == PLANNED && N.data == OLD && is_stopped && N.staged == WHOLE ->
       if
       :: !N.half -> N.half = 1;
       :: N.half ->
            N.half = 0; N.data = NOTHING;
#ifndef DELETE_PREVIOUS_AT_BOOTSTRAP
            N.previous = 1;
#endif
       fi; }
  :: atomic { may_act && N.seen == BOOT && i == PLANNED && !N.ended && is_stopped &&
       (N.data == NEW || (N.data == NOTHING && N.staged == WHOLE)) -> N.patroni = 1; }
  :: atomic { may_act && N.seen == BOOT && i == PLANNED && is_stopped && N.answered != BOOT &&
       (N.ended || N.data == UNPROVEN || (N.data == NOTHING && N.staged != WHOLE)) -> answer_with(BOOT, HAS_FAILED); }
  :: atomic { may_act && N.seen == BOOT && i == PLANNED && N.patroni && N.data == NEW && N.answered != BOOT ->
       answer_with(BOOT, IS_DONE); }

  /* replicas, verify */
  :: atomic { may_act && (N.seen == REPLICAS || N.seen == VERIFY) && i != PLANNED && N.data == OLD && is_stopped ->
       if
       :: !N.half -> N.half = 1;
       :: N.half -> N.half = 0; N.data = NOTHING; N.previous = 1;
       fi; }
  :: atomic { may_act && (N.seen == REPLICAS || N.seen == VERIFY) && i != PLANNED && N.data == NOTHING && is_stopped &&
       !N.ended ->
       if
       :: N.staged == WHOLE -> N.staged = NOTHING; N.data = NEW;
       :: else -> N.patroni = 1;
       fi; }
  :: atomic { may_act && (N.seen == REPLICAS || N.seen == VERIFY) && N.data == NEW && is_stopped && !N.ended -> N.patroni = 1; }
  :: atomic { may_act && (N.seen == REPLICAS || N.seen == VERIFY) && N.patroni && N.answered != N.seen ->
       answer_with(N.seen, IS_DONE); }
  :: atomic { may_act && (N.seen == REPLICAS || N.seen == VERIFY) && !N.patroni && N.answered != N.seen &&
       (N.ended || (i == PLANNED && N.data != NEW)) -> answer_with(N.seen, HAS_FAILED); }

  /* restore */
  :: atomic { may_act && N.seen == RESTORE && is_stopped && N.half -> N.half = 0; }
  :: atomic { may_act && N.seen == RESTORE && is_stopped && N.previous ->
       if
       :: N.data == NOTHING -> N.previous = 0; N.data = OLD;
       :: N.data != NOTHING && N.staged != NOTHING -> N.staged = NOTHING;
       :: N.data != NOTHING && N.staged == NOTHING -> N.data = NOTHING; N.staged = PART;
       fi; }
  :: atomic { may_act && N.seen == RESTORE && !N.half && !N.previous && N.data == OLD && !N.patroni && !N.ended &&
       may_start_in_restore -> N.patroni = 1; }
  /* 30 s without such a one: whoever led is down, or is not of the plan. */
  :: atomic { may_act && N.seen == RESTORE && !N.half && !N.previous && N.data == OLD && !N.patroni && !N.ended &&
       is_leader_silent -> N.patroni = 1; waited = 1; }
  :: atomic { may_act && N.seen == RESTORE && N.patroni && !N.previous && !N.half && N.answered != RESTORE ->
       answer_with(RESTORE, IS_DONE); }
  :: atomic { may_act && N.seen == ROLLED_BACK && N.patroni && !N.previous && N.staged != NOTHING ->
       N.staged = NOTHING; }

  /* after_the_end */
  :: atomic { may_act && N.seen == DONE && N.patroni && N.data == NEW && (N.staged != NOTHING || (N.previous && !keep)) ->
       assert(!N.previous || keep || phase == DONE);
       N.staged = NOTHING; N.previous = N.previous && keep; }

  /* guard: by the generation that is proven, and only against another that leads. */
  :: atomic { N.alive && is_guarded_by(N.seen) && !N.patroni && is_in_time &&
       (N.data == generation || (N.data == NOTHING && leader != NOBODY)) -> N.patroni = 1; }
  :: atomic { N.alive && is_guarded_by(N.seen) && is_stopped && N.data != NOTHING && N.data != generation &&
       leader != NOBODY && leader != i && n[leader].data == generation ->
       assert(!is_named);
       N.data = NOTHING; }
#if LATE
#ifndef STRANGERS_GO_ON_IN_UNDO
  /* Of a node that the plan does not name, and that has cloned what is undone. */
  :: atomic { N.alive && !is_named && N.seen == UNDO && N.data == NEW && N.patroni ->
       N.patroni = 0; N.server = OFF; leader = (leader == i -> NOBODY : leader); }
#endif
  :: atomic { !is_named && N.patroni && !N.member -> N.member = 1; put_cluster(); }
  :: atomic { !is_named && !N.patroni && N.member -> N.member = 0; }
#endif

  /* PATRONI */
  :: atomic { N.patroni && (N.data == OLD || N.data == NEW) && N.server != PRIVATE && initialize != N.data &&
       (initialize == OLD || initialize == NEW) ->
       /* system ID mismatch */
       N.patroni = 0; N.server = OFF; N.ended = 1; leader = (leader == i -> NOBODY : leader); }
  :: atomic { N.patroni && (N.data == OLD || N.data == NEW) && N.server != PRIVATE && leader == NOBODY &&
       (initialize == NOTHING || initialize == EMPTY) ->
       if
       :: N.server == REPLICA -> N.patroni = 0; N.server = OFF; N.ended = 1;
       :: else -> initialize = N.data; put_cluster();
       fi; }
  :: atomic { N.patroni && (N.data == OLD || N.data == NEW) && N.server == OFF && initialize == N.data &&
       (is_named || N.member) -> N.server = REPLICA; put_cluster(); }
  :: atomic { N.patroni && (N.data == OLD || N.data == NEW) && (N.server == REPLICA || N.server == PRIMARY) &&
       initialize == N.data && leader == NOBODY ->
       /* the last transactions of the old leader are on no other node until it has led again */
       waited = waited || !is_named;
       assert(phase != RESTORE || was_primary == i || waited || !is_off(was_primary));
       leader = i; N.server = PRIMARY; was_primary = (N.data == OLD -> i : was_primary); put_cluster(); }
  :: atomic { N.patroni && N.server == PRIMARY && leader != i && leader != NOBODY -> N.server = REPLICA; }
  :: atomic { N.patroni && N.data == NOTHING && N.server == OFF && initialize == NOTHING && leader == NOBODY ->
       /* the race for initialize; then polygon-bootstrap, which never restores during the outage */
       initialize = EMPTY; put_cluster(); N.server = PRIVATE; }
  :: atomic { N.patroni && N.data == NOTHING && N.server == PRIVATE ->
       if
       :: i == PLANNED && phase == BOOT && N.staged == WHOLE -> N.staged = NOTHING; N.data = UNPROVEN;
       :: else -> initialize = NOTHING; N.patroni = 0; N.server = OFF; N.ended = 1;
       fi; }
  :: atomic { N.patroni && N.data == UNPROVEN && N.server == PRIVATE ->
       if
       :: generation != NEW -> generation = NEW;
       :: generation == NEW -> N.data = NEW;
       :: failures > 0 ->
            failures--; initialize = NOTHING; N.patroni = 0; N.server = OFF; N.ended = 1; N.data = NOTHING;
       fi; }
  :: atomic { N.patroni && N.data == NEW && N.server == PRIVATE ->
       initialize = NEW; leader = i; N.server = PRIMARY; put_cluster(); }
  :: atomic { N.patroni && N.data == NOTHING && N.server == OFF && leader != NOBODY && leader != i &&
       (initialize == OLD || initialize == NEW) -> N.data = n[leader].data; }

  /* TROUBLE */
  :: atomic { leader == i && !N.patroni -> leader = NOBODY; }
  :: atomic { is_named && !N.alive && N.answer != 0 -> N.answered = NONE; N.answer = 0; put_record();
       served = (i == PLANNED -> 0 : served); }
  :: atomic { N.alive && crashes > 0 ->
       crashes--; N.alive = 0; N.patroni = 0; N.server = OFF; N.ended = 0; N.seen = NONE;
       waited = waited || i == was_primary;
       served = (i == PLANNED -> 0 : served); }
  :: atomic { N.patroni && crashes > 0 && N.server != PRIVATE ->
       crashes--; N.patroni = 0; waited = waited || i == was_primary;
       if
       :: is_named && (N.seen == STOP || N.seen == CLEAR || N.seen == BOOT || N.seen == REPLICAS || N.seen == UNDO) ->
            N.ended = 1;
       :: else -> N.alive = 0; N.server = OFF; N.ended = 0; N.seen = NONE; /* after_patroni: the node ends with it */
            served = (i == PLANNED -> 0 : served);
       fi; }
  /* It reads before it does anything else. */
  :: atomic { !N.alive -> N.alive = 1; N.seen = phase; }
  od
}

/* ------------------------------------------------------------------------------------------ what must never be --- */

#define leads_with(j, d) (n[j].server == PRIMARY && n[j].data == d)
#define leads_old(j) leads_with(j, OLD)
#define leads_new(j) leads_with(j, NEW)
#define has_old_data(j) (n[j].data == OLD || n[j].previous)
#if LATE
#define some(f) (any(f) || f(NAMED))
#else
#define some(f) any(f)
#endif
/* Never two generations serve writes; the old one not after its keys are gone, the new one not after they are back. */
#define two_serve (some(leads_old) && some(leads_new))
#define old_serves_too_late (some(leads_old) && ((phase >= BOOT && phase <= DONE) || phase == UNDO))
#define new_serves_too_late (some(leads_new) && (phase < BOOT || phase == RESTORE || phase == ROLLED_BACK))
/* Nobody lets writes in to what no leader has proven. */
#define unproven_serves (some(leads_new) && generation != NEW)
/* The old data of every member is there until `done`, and after it where it is kept. */
#define old_data_is_lost (!each(has_old_data) && (phase != DONE || keep))

#define ends_new(j) (serves(j) && n[j].data == NEW && n[j].staged == NOTHING && (n[j].previous == keep))
#define ends_old(j) (serves(j) && n[j].data == OLD && n[j].staged == NOTHING && !n[j].previous && !n[j].half)
#define is_at_its_end (leader != NOBODY && ((phase == DONE && each(ends_new) && initialize == NEW && generation == NEW) || \
                       (phase == ROLLED_BACK && each(ends_old) && initialize == OLD && generation == OLD)))

active proctype Watch() {
end_watch:
  do
  :: atomic { begun && two_serve -> assert(!two_serve); }
  :: atomic { begun && old_serves_too_late -> assert(!old_serves_too_late); }
  :: atomic { begun && new_serves_too_late -> assert(!new_serves_too_late); }
  :: atomic { begun && unproven_serves -> assert(!unproven_serves); }
  :: atomic { begun && old_data_is_lost -> assert(!old_data_is_lost); }
  /* No other dead end: whatever happened, once nothing moves it is over, and everybody runs. */
  :: atomic { timeout && begun && (phase == NONE || phase == DONE || phase == ROLLED_BACK) ->
       assert(is_at_its_end || (phase == NONE && has_stranger)); /* or it was refused */
       break; }
  od
}

init {
  atomic {
    byte i;
    for (i : 0 .. ALL - 1) {
      N.data = OLD; N.alive = 1; N.patroni = 1; N.server = REPLICA; N.member = 0;
    }
#if LATE
    n[NAMED].alive = 0; n[NAMED].patroni = 0; n[NAMED].server = OFF;
#endif
    if
    :: leader = 0;
    :: leader = 1;
    fi;
    n[leader].server = PRIMARY;
    was_primary = leader;
    if
    :: keep = 0;
    :: keep = 1;
    fi;
    i = 0;
    begun = 1;
    run Coordinator(1); run Coordinator(2);
#if ORDERS
    run Person();
#endif
    for (i : 0 .. ALL - 1) { run Node(i); }
    i = 0;
  }
}
