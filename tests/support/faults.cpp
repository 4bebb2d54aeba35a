#include "tests/support/faults.h"

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "common/base/clock.h"

namespace polygon::support {
namespace {

namespace stdfs = std::filesystem;
using namespace std::chrono_literals;
using etcd::Phase;

Error nothing(const PatroniNode& node, std::string_view what) {
    return Error{Errc::not_proven, fmt::format("{} has no {}", node.name(), what)};
}

Status kill_process(const PatroniNode& node, std::optional<pid_t> pid, std::string_view what) {
    if (!pid) return nothing(node, what);
    ::kill(*pid, SIGKILL);
    return {};
}

Status kill_agent(const PatroniNode& node) {
    return kill_process(node, node.agent(), "agent");
}

Status kill_only_patroni(const PatroniNode& node) {
    return kill_process(node, node.patroni(), "Patroni");
}

Status kill_postgres(const PatroniNode& node) {
    return kill_process(node, node.postmaster(), "postmaster");
}

Status kill_coordinator(const Scene& scene) {
    scene.coordinator.kill();
    return {};
}

Status lose_node(PatroniNode& node) {
    node.kill_everything();
    return {};
}

Status bring_back(const Scene& scene, PatroniNode& node) {
    return node.start(scene.stand.polygon().config(), Launch::service);
}

Status signal_etcd(const Scene& scene, int number) {
    const auto pid = scene.stand.polygon().etcd().pid();
    if (!pid || ::kill(*pid, number) != 0) return Error{Errc::not_proven, "the polygon has no etcd"};
    return {};
}

// An operator who wants another leader: Patroni's own key of it (patroni/dcs/__init__.py, manual_failover), which the
// leader obeys when it next looks.
Status ask_for_another_leader(const Scene& scene) {
    Cluster& polygon = scene.stand.polygon();
    const auto leader = TRY(polygon.etcd().get(fmt::format("/service/{}/leader", polygon.scope())));
    if (!leader) return Error{Errc::not_proven, "the polygon has no leader"};
    const PatroniNode& wanted = *leader == scene.replica.name() ? scene.leader : scene.replica;
    return polygon.etcd().put(fmt::format("/service/{}/failover", polygon.scope()),
                              fmt::format(R"({{"leader":"{}","member":"{}"}})", *leader, wanted.name()));
}

stdfs::path full_disk_sign(const PatroniNode& node) {
    return node.directory() / "disk-is-full";
}

Status fill_disk(const PatroniNode& node) {
    std::ofstream sign(full_disk_sign(node));
    return sign ? Status() : Status(Error{Errc::io, "cannot make " + full_disk_sign(node).string()});
}

Status make_room(const PatroniNode& node) {
    stdfs::remove(full_disk_sign(node));
    return {};
}

// A table's file, and not the smallest of them; none while there is no clone.
std::optional<stdfs::path> find_staged_file(const PatroniNode& node) {
    std::error_code error;
    const stdfs::path base = node.directory() / "data.staged/base";
    for (const auto& entry : stdfs::recursive_directory_iterator(base, error)) {
        if (entry.is_regular_file(error) && entry.file_size(error) >= 64 * 1024) return entry.path();
    }
    return std::nullopt;
}

Status flip_byte(const Scene& scene) {
    const auto path = find_staged_file(scene.leader);
    if (!path) return nothing(scene.leader, "staged clone");
    std::fstream file(*path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(40000);
    const int byte = file.get();
    file.seekp(40000);
    file.put(static_cast<char>(byte ^ 0x10));
    return file.good() ? Status() : Status(Error{Errc::io, "cannot change " + path->string()});
}

Status cut_file(const Scene& scene) {
    const auto path = find_staged_file(scene.leader);
    if (!path) return nothing(scene.leader, "staged clone");
    stdfs::resize_file(*path, 16384);
    return {};
}

constexpr std::array kFaults = {
    Fault{.name = "coordinator killed, resumed", .strike = kill_coordinator},
    Fault{.name = "coordinator killed, rolled back", .strike = kill_coordinator, .recourse = Recourse::rollback},
    Fault{.name = "leader's agent killed", .strike = [](const Scene& scene) { return kill_agent(scene.leader); }},
    Fault{.name = "replica's agent killed", .strike = [](const Scene& scene) { return kill_agent(scene.replica); }},
    Fault{.name = "leader's Patroni killed",
          .strike = [](const Scene& scene) { return kill_only_patroni(scene.leader); }},
    Fault{.name = "replica's Patroni killed",
          .strike = [](const Scene& scene) { return kill_only_patroni(scene.replica); }},
    Fault{.name = "leader's PostgreSQL killed",
          .strike = [](const Scene& scene) { return kill_postgres(scene.leader); }},
    Fault{.name = "replica's PostgreSQL killed",
          .strike = [](const Scene& scene) { return kill_postgres(scene.replica); }},
    Fault{.name = "leader's node lost for 25 s",
          .strike = [](const Scene& scene) { return lose_node(scene.leader); },
          .mend = [](const Scene& scene) { return bring_back(scene, scene.leader); },
          .lasts = 25s},
    Fault{.name = "replica's node lost for 25 s",
          .strike = [](const Scene& scene) { return lose_node(scene.replica); },
          .mend = [](const Scene& scene) { return bring_back(scene, scene.replica); },
          .lasts = 25s},
    Fault{.name = "etcd hanging for 30 s",
          .strike = [](const Scene& scene) { return signal_etcd(scene, SIGSTOP); },
          .mend = [](const Scene& scene) { return signal_etcd(scene, SIGCONT); },
          .lasts = 30s},
    Fault{.name = "etcd stopped for 30 s",
          .strike = [](const Scene& scene) { return scene.stand.polygon().etcd().stop(); },
          .mend = [](const Scene& scene) { return scene.stand.polygon().etcd().start(); },
          .lasts = 30s},
    Fault{.name = "leader's disk full for 20 s",
          .strike = [](const Scene& scene) { return fill_disk(scene.leader); },
          .mend = [](const Scene& scene) { return make_room(scene.leader); },
          .lasts = 20s},
    Fault{.name = "replica's disk full for 20 s",
          .strike = [](const Scene& scene) { return fill_disk(scene.replica); },
          .mend = [](const Scene& scene) { return make_room(scene.replica); },
          .lasts = 20s},
    Fault{.name = "switchover asked for", .strike = ask_for_another_leader},
    // Once it is sealed: what is damaged before was made so.
    Fault{.name = "staged clone damaged", .strike = flip_byte, .first = Phase::stop, .last = Phase::clear},
    Fault{.name = "staged clone truncated", .strike = cut_file, .first = Phase::stop, .last = Phase::clear},
};

}  // namespace

std::span<const Fault> all_faults() {
    return kFaults;
}

Result<Fault> find_fault(std::string_view name) {
    for (const Fault& fault : kFaults) {
        if (fault.name == name) return fault;
    }
    return Error{Errc::internal, fmt::format("no fault '{}'", name)};
}

void let_disk_be_filled(Workspace& workspace, PatroniNode& node) {
    node.set_variable("LD_PRELOAD", (workspace.bin() / "libfull_disk.so").string());
    node.set_variable("STAND_FULL_DISK_SIGN", full_disk_sign(node).string());
    node.set_variable("STAND_FULL_DISK_BELOW", node.data_directory().string());
}

}  // namespace polygon::support
