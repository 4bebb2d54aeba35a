#include "bootstrap/entrypoint/entrypoint.h"

#include <fmt/format.h>

#include "bootstrap/entrypoint/guard.h"
#include "bootstrap/entrypoint/signals.h"
#include "bootstrap/entrypoint/snapshot.h"
#include "bootstrap/entrypoint/supervisor.h"
#include "common/base/log.h"
#include "common/cli/configuration_source.h"
#include "common/patroni/configuration.h"
#include "common/process/environment.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

constexpr auto kRound = 1s;

Result<patroni::Configuration> load_configuration(const Request& request) {
    const process::Environment environment = process::own_environment();
    std::optional<std::filesystem::path> path = cli::configuration_argument(request.command);
    if (const auto named = environment.find("POLYGON_CONFIG"); named != environment.end()) path = named->second;
    if (request.configuration) path = request.configuration;
    return patroni::Configuration::load({path, environment});
}

Status carry_out(const Decision& decision, const postgres::Places& places, ClusterWatch& cluster) {
    switch (decision.action) {
        case Action::start:
        case Action::wait:
            return {};
        case Action::remove_half:
            return postgres::remove_data_directory(places.data, postgres::LinkTargets::all);
        case Action::set_aside:
            return postgres::set_aside(places);
        case Action::clear_initialize:
            return cluster.clear_initialize();
    }
    return {};
}

std::string_view name_of(Action action) {
    switch (action) {
        case Action::start:
            return "start";
        case Action::remove_half:
            return "remove the unfinished restore";
        case Action::set_aside:
            return "set the data directory aside";
        case Action::clear_initialize:
            return "clear the key initialize";
        case Action::wait:
            return "wait";
    }
    return "wait";
}

// The same line is logged once: what stays as it is needs no second mention.
class DecisionLog {
  public:
    void report(std::string_view action, const std::string& reason) {
        const std::string line = fmt::format("{}: {}", action, reason);
        if (line == last_) return;
        last_ = line;
        log_info("guard decides", {{"action", action}, {"because", reason}});
    }

  private:
    std::string last_;
};

// True when Patroni may start, false when a signal ended the wait.
Result<bool> guard(const patroni::Configuration& configuration, Clock& clock) {
    ClusterWatch cluster(configuration, clock);
    DecisionLog decisions;
    while (true) {
        const postgres::Places places = postgres::find_places(configuration.postgresql.data_dir);
        Decision decision;
        if (const Result<ClusterSeen> seen = cluster.look()) {
            decision = decide(configuration.name, TRY(look_at_data(places)), *seen);
        } else {
            decision = {Action::wait, seen.error().message};  // no etcd, no action
        }
        decisions.report(name_of(decision.action), decision.reason);
        if (decision.action == Action::start) return true;
        if (const Status done = carry_out(decision, places, cluster); !done) {
            if (done.error().code != Errc::conflict && done.error().code != Errc::etcd_unavailable) return done.error();
            log_warning(done.error().message);
        }
        const auto pause = decision.action == Action::wait ? std::chrono::milliseconds(kRound) : 0ms;
        const std::optional<int> number = next_signal(pause);
        if (number && is_termination(*number)) return false;
    }
}

}  // namespace

Result<int> run(const Request& request, Clock& clock) {
    if (!cli::is_patroni(request.command)) {
        return Error{Errc::usage, fmt::format("'{}' is not Patroni", request.command.front()),
                     "Write: polygon-entrypoint -- patroni /etc/patroni/patroni.yml"};
    }
    block_signals();
    const patroni::Configuration configuration = TRY(load_configuration(request));
    if (!TRY(guard(configuration, clock))) {
        log_info("ended by a signal before Patroni was started");
        return 0;
    }
    return supervise(request.command);
}

}  // namespace polygon::entrypoint
