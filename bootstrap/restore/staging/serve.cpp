#include "bootstrap/restore/staging/serve.h"

#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/prctl.h>

#include "bootstrap/restore/files/own_configuration.h"
#include "bootstrap/restore/orders.h"
#include "bootstrap/restore/plan.h"
#include "bootstrap/restore/progress.h"
#include "bootstrap/restore/quarantine.h"
#include "bootstrap/restore/staging/serving.h"
#include "bootstrap/restore/staging/staged_clone.h"
#include "bootstrap/restore/staging/staging_role.h"
#include "common/base/log.h"
#include "common/fs/file.h"
#include "common/postgres/data_directory.h"
#include "common/postgres/private_server.h"
#include "common/postgres/seal.h"

namespace polygon::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongestStart = 10min;                   // crash recovery included
constexpr auto kLongestStop = 10min;                    // a checkpoint of what was staged
constexpr auto kLongestHandOver = 2min;                 // until a `serve` that was told to stop is gone
constexpr std::chrono::hours kLongestServing{24 * 60};  // the agent ends it, or dies and ends it so

volatile std::sig_atomic_t stop_requested = 0;

void request_stop(int) {
    stop_requested = 1;
}

// From the beginning: a signal that comes before there is a server ends it as soon as there is one.
void heed_signals() {
    struct sigaction action = {};
    action.sa_handler = request_stop;
    for (const int number : {SIGTERM, SIGINT})
        sigaction(number, &action, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

struct Task {
    patroni::Configuration configuration;
    patroni::PolygonSettings settings;
    etcd::Plan rebuild;
    postgres::Path staged;
    Secret password;
};

Result<Task> read_task(const Request& request) {
    patroni::Configuration configuration = TRY(load_configuration(request));
    auto settings =
        TRY(patroni::PolygonSettings::load({request.source.path, request.source.environment}, request.overrides));
    etcd::Plan rebuild = TRY(require_phase(TRY(read_orders(configuration)), configuration.name, etcd::Phase::copy));
    if (rebuild.leader != configuration.name) {
        return Error{Errc::conflict,
                     fmt::format("rebuild {} is led by '{}', this is '{}'", rebuild.generation, rebuild.leader,
                                 configuration.name),
                     "Only the leader's clone is served."};
    }
    Secret password = TRY(derive_staging_password(configuration.postgresql.replication.password, rebuild.generation));
    postgres::Path staged = find_places(request, configuration).staged;
    return Task{std::move(configuration), std::move(settings), std::move(rebuild), std::move(staged),
                std::move(password)};
}

// One at a time: who was told to stop may not have ended yet.
Result<fs::Fd> lock(const postgres::Path& staged, Clock& clock) {
    fs::Fd directory = TRY(fs::open_file(staged, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const bool is_ours = wait_until(clock, Deadline(clock, kLongestHandOver), 100ms,
                                    [&] { return ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0; });
    if (is_ours) return directory;
    return Error{Errc::conflict, fmt::format("another process serves '{}'", staged.string()),
                 "Wait until it has ended."};
}

// Whole and sealed, or left by a `serve` that was killed: PostgreSQL's own recovery makes up for that.
Result<FoundRole> prepare_clone(const postgres::Path& staged, const std::string& generation, Clock& clock) {
    const postgres::Path mark = staged / kServingMark;
    const postgres::GenerationMarker marker = TRY(require_generation(staged, generation));
    if (!marker.is_quarantined) {
        return Error{Errc::configuration, "the staged clone is not sanitised: it is served to nobody",
                     "Set polygon.replicas to leader, or the quarantine to on."};
    }
    if (fs::read_file(mark).value_or("") == generation) {
        log_warning("the staged clone was being served when that ended without a shutdown: going on with it");
        await_no_server(staged, clock);
        return FoundRole::ours;
    }
    TRY(require_whole(staged, generation));
    TRY(fs::write_file_durably(mark, generation));
    return FoundRole::refused;
}

Result<postgres::PrivateServer> prepare_server(const Task& task, const postgres::Binaries& binaries,
                                               const std::string& host, int port) {
    const auto marker = TRY(require_generation(task.staged, task.rebuild.generation));
    const postgres::ServerParameters tls = tls_parameters(task.configuration.postgresql);
    postgres::ServerParameters parameters =
        staging_parameters(task.settings.quarantine, binaries, marker, task.rebuild.members.size());
    for (const auto& [name, value] : tls)
        parameters[name] = value;
    // Replicas have to reach it; it is sanitised, and starts nothing by itself.
    return postgres::PrivateServer::prepare(
        binaries, task.staged, parameters, process::Isolation::none,
        postgres::Listening{.host = host, .port = port, .access = staging_access(tls)});
}

std::string superuser_of(const Task& task) {
    const std::string& name = task.configuration.postgresql.superuser.username;
    return name.empty() ? "postgres" : name;
}

// A production's role of that name is found before the clone is changed.
Status open_to_replicas(postgres::PrivateServer& server, const Task& task, FoundRole found) {
    postgres::Connection session = TRY(server.connect(superuser_of(task), "postgres"));
    return create_staging_role(session, task.password, found);
}

Status wait_for_stop(postgres::PrivateServer& server, Clock& clock) {
    bool has_ended = false;
    wait_until(clock, Deadline(clock, kLongestServing), 100ms, [&] {
        has_ended = server.has_ended();
        return has_ended || stop_requested != 0;
    });
    if (!has_ended) return {};
    return Error{Errc::process_failed, "the server of the staged clone has ended: " + server.log_tail(),
                 "Its own message says why; the next attempt starts it again."};
}

Status end_serving(postgres::PrivateServer& server, const Task& task, Clock& clock) {
    {
        postgres::Connection session = TRY(server.connect(superuser_of(task), "postgres"));
        TRY(drop_staging_role(session));
    }
    return server.stop(clock, Deadline(clock, kLongestStop));
}

Status seal_again(const postgres::Path& staged) {
    TRY(require_clean_shutdown(staged));
    TRY(remove_statistics(staged));
    TRY(postgres::flush_data_directory(staged));
    TRY(fs::remove_file(staged / kServingMark));
    return postgres::seal(staged);
}

// A clone that was whole is as it was before. One that was served already may hold the role still: it keeps its mark.
Status stop_unserved(postgres::PrivateServer& server, const Task& task, FoundRole found, Clock& clock) {
    TRY(server.stop(clock, Deadline(clock, kLongestStop)));
    return found == FoundRole::ours ? Status() : seal_again(task.staged);
}

Status serve_until_stop(const Task& task, const postgres::Binaries& binaries, Progress& progress, Clock& clock) {
    const std::string host = TRY(find_served_host(task.configuration.postgresql));
    const int port = TRY(find_free_port(host));
    const FoundRole found = TRY(prepare_clone(task.staged, task.rebuild.generation, clock));
    postgres::PrivateServer server = TRY(prepare_server(task, binaries, host, port));
    TRY(server.start(clock, Deadline(clock, kLongestStart)));
    if (Status opened = open_to_replicas(server, task, found); !opened) {
        TRY(stop_unserved(server, task, found, clock));
        return opened;
    }
    const std::string address = format_address(host, port);
    progress.enter("serve");
    progress.announce(address);
    log_info("the staged clone is served to replicas", {{"address", address}});
    TRY(wait_for_stop(server, clock));
    progress.announce("");
    return end_serving(server, task, clock);
}

Status run_phases(const Request& request, Progress& progress, Clock& clock) {
    progress.enter("plan");
    const Task task = TRY(read_task(request));
    TRY(require_generation(task.staged, task.rebuild.generation));
    const fs::Fd only_one = TRY(lock(task.staged, clock));
    const auto binaries = TRY(find_matching_binaries(task.configuration, "the staged clone",
                                                     TRY(postgres::read_major_version(task.staged)), clock));
    TRY(serve_until_stop(task, binaries, progress, clock));
    TRY(seal_again(task.staged));
    log_info("the staged clone is sealed again", {{"generation", task.rebuild.generation}});
    return {};
}

}  // namespace

Status serve(const Request& request, Clock& clock) {
    heed_signals();
    Progress progress(clock, request.status_file);
    Status done = in_context(run_phases(request, progress, clock), "serving the staged clone");
    progress.end(done);
    return done;
}

}  // namespace polygon::bootstrap
