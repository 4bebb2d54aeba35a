#include "tests/integration/programs/staging_site.h"

#include <fstream>

#include <nlohmann/json.hpp>

#include "common/fs/file.h"

namespace polygon::test {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kPrefix = "/service/polygon.polygon/";

}  // namespace

stdfs::path StagingMember::data() const {
    const stdfs::path first = Site::shared().data_directory();
    return name_ == "polygon1" ? first : first.parent_path() / name_;
}

std::vector<std::string> StagingMember::argv(const std::string& subcommand,
                                             const std::vector<std::string>& more) const {
    std::vector<std::string> all = {"polygon-bootstrap", subcommand,
                                    "--config",          Site::shared().configuration().string(),
                                    "--status-file",     status_file().string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

process::Environment StagingMember::environment(const process::Environment& variables) const {
    process::Environment all = {{"PATRONI_NAME", name_}, {"PATRONI_POSTGRESQL_DATA_DIR", data().string()}};
    for (const auto& [name, value] : variables)
        all[name] = value;
    return all;
}

process::Finished StagingMember::run(const std::string& subcommand, const std::vector<std::string>& more,
                                     const process::Environment& variables) const {
    return Site::shared().run(argv(subcommand, more), environment(variables));
}

process::Finished StagingMember::bootstrap() const {
    Site& site = Site::shared();
    return site.run({"polygon-bootstrap", "--config", site.configuration().string(), "--scope=polygon",
                     "--datadir=" + data().string()},
                    environment({}));
}

process::Child StagingMember::start(const std::string& subcommand, const std::vector<std::string>& more,
                                    const process::Environment& variables) const {
    Site& site = Site::shared();
    process::Environment all = site.workspace().environment(site.path());
    all["APP_PASSWORD"] = "polygon-app";
    for (const auto& [name, value] : environment(variables))
        all[name] = value;
    process::Command command = site.workspace().tool(argv(subcommand, more), all);
    command.output_file = site.path() / (name_ + "-" + subcommand + ".log");
    stdfs::remove(status_file());
    return require(process::Child::start(command));
}

std::string StagingMember::status(const std::string& field) const {
    const Json status = Json::parse(fs::read_file(status_file()).value_or(""), nullptr, false);
    return status.is_object() && status.contains(field) ? status.at(field).get<std::string>() : "";
}

std::string StagingMember::await_address(process::Child& serve) const {
    const bool is_served = wait_until(system_clock(), Deadline(system_clock(), 120s), 20ms,
                                      [&] { return !status("address").empty() || serve.poll(); });
    INFO(fs::read_file(Site::shared().path() / (name_ + "-serve.log")).value_or(""));
    REQUIRE(is_served);
    REQUIRE_FALSE(serve.poll().has_value());
    return status("address");
}

etcd::Plan make_staged_plan() {
    const process::Finished planned = kLeader.run("plan", {"--json"});
    INFO(planned.err);
    REQUIRE(planned.exit_status == 0);
    const Json source = Json::parse(planned.out).at("source");
    return {.generation = kStagedGeneration,
            .leader = "polygon1",
            .mode = etcd::Mode::staged,
            .members = {"polygon1", "polygon2"},
            .replicas = etcd::ReplicaSource::staged,
            .backup = {.directory = source.at("directory"),
                       .label = source.at("label"),
                       .time = source.at("time"),
                       .identity = source.at("identity"),
                       .bytes = source.at("bytes")}};
}

void put_orders(const etcd::Plan& plan, etcd::Phase phase) {
    Site& site = Site::shared();
    site.etcd_put(std::string(kPrefix) + "plan", etcd::to_json(plan));
    site.etcd_put(std::string(kPrefix) + "phase", etcd::to_json({.generation = plan.generation, .phase = phase}));
}

void stage_clone(const etcd::Plan& plan) {
    put_orders(plan, etcd::Phase::stage);
    const process::Finished staged = kLeader.run("stage");
    INFO(staged.err);
    REQUIRE(staged.exit_status == 0);
}

void make_some_directory(const stdfs::path& path) {
    stdfs::create_directories(path);
    std::ofstream(path / "PG_VERSION") << "15\n";
    require(Site::shared().workspace().account().give(path));
}

std::string ask(const stdfs::path& socket_directory, const std::string& sql) {
    return Site::shared().query(socket_directory, "postgres", "postgres", sql);
}

}  // namespace polygon::test
