// What a node does next: a pure function over what it sees of itself, of the others and of the coordinator's orders. It
// is asked again after every task, so that an agent that dies anywhere goes on from what is on disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bootstrap/entrypoint/agent/seen.h"
#include "common/patroni/polygon_settings.h"

namespace polygon::entrypoint {

enum class Task {
    none,
    run_stage,  // the helper program's subcommands
    run_serve,
    run_copy,
    discard_staged,
    discard_all,  // D.previous too
    end_helper,   // by SIGTERM
    stop_patroni,
    kill_patroni,  // one that was told to stop and does not end: by SIGKILL
    stop_server,   // a postmaster that outlived its Patroni: a fast shutdown
    start_patroni,
    clear_initialize,  // which a bootstrap that died has left ""
    set_aside,         // for this generation, so that it can be brought back
    remove_data,       // what came after the setting aside, or under mode in-place
    remove_staged,     // which is in the way of take_back
    put_in_place,      // a replica's own staged clone
    take_back,         // the new clone becomes the staged one again
    bring_back,        // the old data directory
};

std::string_view to_text(Task task);

// Whether the guard, too, decides on Patroni's start and on the data directory: outside the phases that do.
enum class Guard { off, on };

struct Step {
    Task task = Task::none;
    std::optional<etcd::AnswerState> answer;  // none: the phase asks nothing of this node
    std::string reason;                       // for the log; of a failed answer: its error
    Guard guard = Guard::off;
};

Step next_task(const Orders& orders, const NodeSeen& seen, patroni::Previous previous);

// Patroni's end by itself ends a node, except where a rebuild has stopped it, or would lose its answer.
AfterPatroni after_patroni(const Orders& orders, const std::string& member);

// Whether a rebuild that names this member is under way.
bool takes_part(const Orders& orders, const std::string& member);

}  // namespace polygon::entrypoint
