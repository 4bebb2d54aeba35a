#include "bootstrap/restore/staging/copy.h"

#include <algorithm>

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>

#include "bootstrap/restore/clone.h"
#include "bootstrap/restore/files/own_configuration.h"
#include "bootstrap/restore/files/postgres_files.h"
#include "bootstrap/restore/orders.h"
#include "bootstrap/restore/quarantine.h"
#include "bootstrap/restore/sources/incoming.h"
#include "bootstrap/restore/sources/live_server.h"
#include "bootstrap/restore/staging/serving.h"
#include "bootstrap/restore/staging/staged_clone.h"
#include "bootstrap/restore/staging/staging_role.h"
#include "common/base/log.h"
#include "common/fs/file.h"
#include "common/postgres/control_file.h"
#include "common/postgres/private_server.h"
#include "common/postgres/seal.h"
#include "common/postgres/storage_format.h"

namespace polygon::bootstrap {
namespace {

constexpr std::chrono::hours kLongestReplay{1};

struct Task {
    patroni::Configuration configuration;
    patroni::PolygonSettings settings;
    etcd::Plan rebuild;
    postgres::Places places;
};

Result<Task> read_task(const Request& request) {
    patroni::Configuration configuration = TRY(load_configuration(request));
    auto settings =
        TRY(patroni::PolygonSettings::load({request.source.path, request.source.environment}, request.overrides));
    etcd::Plan rebuild = TRY(require_phase(TRY(read_orders(configuration)), configuration.name, etcd::Phase::copy));
    if (rebuild.leader == configuration.name) {
        return Error{Errc::conflict, fmt::format("'{}' leads rebuild {}", configuration.name, rebuild.generation),
                     "The leader serves its clone; the others copy it."};
    }
    postgres::Places places = find_places(request, configuration);
    return Task{std::move(configuration), std::move(settings), std::move(rebuild), std::move(places)};
}

Error explain_connection(Error error, const std::string& address) {
    error.message = fmt::format("cannot copy from the staged leader at {}: {}", address, error.message);
    error.hint =
        "The address and the password of postgresql.authentication.replication have to be the same for leader and "
        "replica, and the port open between them; without a copy this node is cloned from the new leader later.";
    return error;
}

Result<LiveServer> ask_leader(const Task& task, const std::string& address) {
    const patroni::Credentials& replication = task.configuration.postgresql.replication;
    const Secret password = TRY(derive_staging_password(replication.password, task.rebuild.generation));
    LiveServer server{.conninfo = TRY(staged_leader_conninfo(address, replication, password))};
    postgres::ConnectionParameters parameters{
        .keywords = server.conninfo.keywords, .password = password, .host_is = postgres::HostIs::one_server};
    parameters.keywords["replication"] = "true";
    Result<postgres::Connection> session = postgres::Connection::open(parameters);
    if (!session) return explain_connection(std::move(session).error(), address);
    server.major_version = session->server_major_version();
    server.tablespaces =
        TRY(place_staged_tablespaces(TRY(session->tablespaces_of_base_backup()), task.settings.tablespaces.value));
    return server;
}

// The leader's, which came with the files.
Result<postgres::GenerationMarker> read_copied_marker(const fs::Path& incoming, const Task& task,
                                                      const std::string& address) {
    Result<postgres::GenerationMarker> marker = require_generation(incoming, task.rebuild.generation);
    if (!marker) return in_context(std::move(marker).error(), fmt::format("what {} serves is refused", address));
    marker->stage = postgres::Stage::restoring;
    marker->seal.clear();
    return marker;
}

// The rest is as the leader has it: what it was to have of production's is decided there.
bool is_left_behind(std::string_view path) {
    return path == kServingMark || is_own_configuration(path) || provenance_of(path) == Provenance::transient;
}

Result<postgres::GenerationMarker> fetch(const Task& task, const LiveServer& server, const postgres::Binaries& binaries,
                                         const std::string& address, Progress& progress, Clock& clock) {
    const fs::Path incoming = TRY(open_incoming(task.places.staged));
    const std::string label = fmt::format("pg-polygon {}", task.rebuild.generation);
    Result<TakenBackup> taken = take_backup(server, binaries, task.places, incoming, label, progress, clock);
    if (!taken) return in_context(std::move(taken).error(), fmt::format("copying from {}", address));
    postgres::GenerationMarker marker = TRY(read_copied_marker(incoming, task, address));
    TRY(remove_left_out(incoming, is_left_behind, {}));
    TRY(move_up(task.places.staged));
    return marker;
}

// A copy as it came would be taken for a primary that crashed, and recovered as one before it follows the leader
// (patroni/ha.py, recover()): from then on it would have a history of its own. Replayed until it is consistent, it is a
// standby that was shut down. It also shows that it starts while there is time to clone it otherwise.
Status replay(const Task& task, const postgres::Binaries& binaries, const postgres::GenerationMarker& marker,
              Clock& clock) {
    const fs::Path& staged = task.places.staged;
    const Deadline deadline(clock, kLongestReplay);
    const process::Isolation isolation = TRY(choose_isolation(task.settings.quarantine));
    postgres::ServerParameters parameters =
        staging_parameters(task.settings.quarantine, binaries, marker, task.rebuild.members.size());
    parameters["hot_standby"] = "on";  // accepts us when it is consistent
    TRY(fs::write_file_durably(staged / "postgresql.auto.conf", ""));
    TRY(fs::write_file_durably(staged / "standby.signal", ""));
    {
        postgres::PrivateServer server = TRY(postgres::PrivateServer::prepare(binaries, staged, parameters, isolation));
        TRY(server.start(clock, deadline));
        TRY(server.stop(clock, deadline));
    }
    if (TRY(postgres::read_control_file(staged)).state != postgres::ClusterState::shut_down_in_recovery) {
        return Error{Errc::data_directory_invalid,
                     fmt::format("the copy in '{}' was not shut down as a standby", staged.string()), ""};
    }
    return fs::remove_file(staged / "standby.signal");  // Patroni writes its own
}

Status finish(const fs::Path& staged, postgres::GenerationMarker marker) {
    TRY(remove_statistics(staged));
    TRY(write_own_configuration(staged));
    TRY(postgres::flush_data_directory(staged));
    marker.stage = postgres::Stage::restored;
    TRY(postgres::write_marker(staged, marker));
    return postgres::seal(staged);
}

Status make_copy(const Task& task, const std::string& address, Progress& progress, Clock& clock) {
    const LiveServer server = TRY(ask_leader(task, address));
    const auto binaries =
        TRY(find_matching_binaries(task.configuration, "the staged leader", server.major_version, clock));
    await_no_server(task.places.staged, clock);
    TRY(postgres::remove_data_directory(task.places.staged, postgres::LinkTargets::all));
    TRY(require_room_for_copy(task.places, task.settings.tablespaces.value, task.rebuild.backup.bytes));
    TRY(open_staging(task.places.staged, {.generation = task.rebuild.generation,
                                          .leader = task.rebuild.leader,
                                          .created_at = format_utc(clock.wall())}));
    const auto marker = TRY(fetch(task, server, binaries, address, progress, clock));
    TRY(postgres::require_same_format(binaries, task.places.staged, clock));
    progress.enter("replay");
    TRY(replay(task, binaries, marker, clock));
    TRY(finish(task.places.staged, marker));
    log_info("the leader's staged clone is copied", {{"from", address}, {"generation", marker.generation}});
    return {};
}

Status run_phases(const Request& request, Progress& progress, Clock& clock) {
    progress.enter("plan");
    const Task task = TRY(read_task(request));
    Status done = make_copy(task, request.from, progress, clock);
    if (!done) remove_unfinished(task.places.staged);
    return done;
}

}  // namespace

Result<postgres::Conninfo> staged_leader_conninfo(const std::string& address, const patroni::Credentials& replication,
                                                  const Secret& password) {
    if (!replication.key_password.is_empty()) {
        return Error{Errc::configuration,
                     "postgresql.authentication.replication holds 'sslpassword', which would be seen in ps",
                     "Use a key without a passphrase, or set polygon.replicas to leader."};
    }
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos || colon + 1 == address.size()) {
        return Error{Errc::usage, fmt::format("'{}' is no address", address), "Give it as host:port."};
    }
    postgres::ConnectionParameters parameters =
        postgres::at_address(address, kStagingRole, password, "", replication.connection);
    TRY(postgres::require_one_server(parameters.keywords["host"], parameters.keywords["port"]));  // it is from etcd
    parameters.keywords.erase("dbname");
    parameters.keywords.emplace("application_name", "pg-polygon");
    return postgres::Conninfo{.keywords = std::move(parameters.keywords), .password = password};
}

Result<std::map<std::string, LiveTablespace>> place_staged_tablespaces(const postgres::Rows& oids_and_locations,
                                                                       const patroni::TextMap& tablespaces) {
    std::map<std::string, LiveTablespace> placed;
    for (const postgres::Row& row : oids_and_locations) {
        const std::string location = row.at(1).value_or("");
        if (!location.starts_with('/')) continue;  // one of the two standard ones, or in place
        const std::string_view suffix = postgres::kStagedSuffix;
        const std::string place =
            location.ends_with(suffix) ? location.substr(0, location.size() - suffix.size()) : location;
        const auto moved = tablespaces.find(place);
        const bool is_own = std::any_of(tablespaces.begin(), tablespaces.end(),
                                        [&](const auto& entry) { return entry.second == place; });
        if (moved == tablespaces.end() && !is_own) {
            return Error{Errc::configuration, fmt::format("the leader's tablespace in '{}' has no place here", place),
                         fmt::format("Add \"tablespaces: {{{}: /where/here}}\" to the polygon section.", place)};
        }
        const std::string here = moved != tablespaces.end() ? moved->second : place;
        placed[row.at(0).value_or("")] = {location, here + std::string(suffix)};
    }
    return placed;
}

Status copy(const Request& request, Clock& clock) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    Progress progress(clock, request.status_file);
    Status done = run_phases(request, progress, clock);
    progress.end(done);
    return done;
}

}  // namespace polygon::bootstrap
