#include "bootstrap/entrypoint/entrypoint.h"

#include <atomic>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

#include "bootstrap/entrypoint/agent/agent.h"
#include "bootstrap/entrypoint/supervisor/signals.h"
#include "bootstrap/entrypoint/supervisor/supervisor.h"
#include "common/base/log.h"
#include "common/cli/configuration_source.h"
#include "common/patroni/configuration.h"
#include "common/postgres/binaries.h"
#include "common/postgres/data_directory.h"
#include "common/process/environment.h"
#include "common/process/service_manager.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatienceForAgent = 1s;

patroni::ConfigurationSources find_sources(const Request& request) {
    const process::Environment environment = process::own_environment();
    std::optional<std::filesystem::path> path = cli::configuration_argument(request.command);
    if (const auto named = environment.find("POLYGON_CONFIG"); named != environment.end()) path = named->second;
    if (request.configuration) path = request.configuration;
    return {path, environment};
}

// Before there is a thread that reaps what is run. 0: not known, and for the coordinator to say.
int find_postgres_major(const patroni::PostgresqlSection& section, Clock& clock) {
    const int major = postgres::read_major_version(section.data_dir).value_or(0);
    const auto binaries = postgres::find_binaries(section.bin_dir, major, clock);
    if (!binaries) log_debug(binaries.error().message);
    return binaries ? binaries->major_version : major;
}

// The agent in its thread. Both end with this process: when the agent hangs in a call to etcd, nobody waits for that.
class AgentThread {
  public:
    AgentThread(Agent& agent, Clock& clock) : agent_(agent), clock_(clock) {
        thread_ = std::thread([this] {
            agent_.run();
            has_ended_ = true;
        });
    }
    AgentThread(const AgentThread&) = delete;
    AgentThread& operator=(const AgentThread&) = delete;
    ~AgentThread() { thread_.join(); }

    bool ends_in_time() {
        agent_.stop();
        return wait_until(clock_, Deadline(clock_, kPatienceForAgent), 10ms, [&] { return has_ended_.load(); });
    }

  private:
    Agent& agent_;
    Clock& clock_;
    std::atomic<bool> has_ended_ = false;
    std::thread thread_;
};

}  // namespace

Result<int> run(const Request& request, Clock& clock) {
    if (!cli::is_patroni(request.command)) {
        return Error{Errc::usage, fmt::format("'{}' is not Patroni", request.command.front()),
                     "Write: polygon-entrypoint -- patroni /etc/patroni/patroni.yml"};
    }
    block_signals();
    AgentSettings settings{.sources = find_sources(request)};
    settings.configuration = TRY(patroni::Configuration::load(settings.sources));
    settings.helper_program = find_helper_program();
    settings.postgres_major = find_postgres_major(settings.configuration.postgresql, clock);
    const process::ServiceManager service_manager(process::own_environment());
    Supervisor supervisor(request.command, clock);
    Agent agent(std::move(settings), supervisor, service_manager, clock);
    AgentThread thread(agent, clock);
    if (const Status told = service_manager.say_ready(); !told) log_warning(told.error().message);
    Result<int> status = supervisor.run();
    if (!thread.ends_in_time()) {
        if (!status) log_error(status.error());
        std::_Exit(status ? *status : exit_status(status.error().code));
    }
    return status;
}

}  // namespace polygon::entrypoint
