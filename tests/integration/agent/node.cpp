#include "tests/integration/agent/node.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>
#include <sys/stat.h>

#include "common/fs/file.h"
#include "common/postgres/generation_marker.h"
#include "common/postgres/seal.h"
#include "common/process/environment.h"
#include "tests/support/control_file.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

void require(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

void make_data(const std::filesystem::path& directory, const std::string& generation, std::uint64_t identifier,
               postgres::Stage stage) {
    std::filesystem::create_directories(directory / "global");
    require(fs::replace_file(directory / "PG_VERSION", "15\n"));
    require(fs::replace_file(directory / "global" / "pg_control", support::make_control_file(identifier)));
    require(postgres::write_marker(directory, {.generation = generation, .stage = stage}));
}

// As Patroni's bootstrap puts a staged clone in place and has it proven, and as a replica clones.
constexpr const char* kPatroni = R"(#!/bin/sh
cd {0}
echo x >> starts
if [ ! -e data/PG_VERSION ]; then
    rm -rf data
    if [ -e data.staged ]; then mv data.staged data; else cp -r clone data; fi
    cp proven.json data/polygon.json
fi
end() {{ [ -e hang ] && trap '' TERM && exec sleep 600; rm -f running; exit $(cat status 2>/dev/null || echo 0); }}
trap end TERM
echo $$ > running
while [ ! -e end_now ]; do sleep 0.05; done
mv end_now status
end
)";

constexpr const char* kHelper = R"(#!/bin/sh
cd {0}
echo "$1" >> helper_runs
case "$1" in
stage) [ {1} = one ] && mv prepared data.staged; exit 0;;
copy) [ "$2" = "--from=10.0.0.1:40000" ] || exit 3; mv prepared data.staged;;
serve) trap 'exit 0' TERM
    echo '{{"phase":"serve","address":"10.0.0.1:40000"}}' > data.rebuild-status.json
    while :; do sleep 0.05; done;;
discard) rm -rf data.staged; [ "$2" = --previous ] && rm -rf data.previous; exit 0;;
prove) shift; echo "$*" >> proofs; echo '{{"role":"'$(cat role 2>/dev/null || echo standby)'","generation":"of {1}","error":""}}';;
plan) echo '{{"report":"{1}"}}';;
esac
)";

constexpr const char* kConfiguration = R"(scope: main
name: {1}
etcd3: {{hosts: "{2}"}}
restapi: {{listen: "127.0.0.1:1", connect_address: "127.0.0.1:1"}}
postgresql:
  listen: 127.0.0.1:1
  connect_address: 127.0.0.1:1
  data_dir: {0}/data
)";

}  // namespace

const etcd::RebuildKeys& keys() {
    static const etcd::RebuildKeys keys("/service/main/");
    return keys;
}

Node::Node(std::string name, const std::string& url)
    : name_(std::move(name)), places_(postgres::find_places(scratch_.path() / "data")) {
    make_data(places_.data, "g1", 100, postgres::Stage::proven);
    make_data(file("clone"), "g2", 200, postgres::Stage::proven);
    std::filesystem::copy_file(file("clone") / "polygon.json", file("proven.json"));
    make_data(file("prepared"), "g2", 200, postgres::Stage::restored);
    require(postgres::seal(file("prepared")));
    std::filesystem::create_directory(file("bin"));
    // A copy: the helper program is looked for beside the executable, behind links.
    std::filesystem::copy_file(POLYGON_ENTRYPOINT, file("bin") / "polygon-entrypoint");
    const std::string root = scratch_.path().string();
    write_program("patroni", fmt::format(kPatroni, root));
    write_program("polygon-bootstrap", fmt::format(kHelper, root, name_));
    const std::string hosts = url.substr(url.find("//") + 2);
    require(fs::replace_file(file("patroni.yml"), fmt::format(kConfiguration, root, name_, hosts)));
}

void Node::write_program(const std::string& name, const std::string& script) const {
    require(fs::replace_file(file("bin") / name, script, 0755));
}

void Node::start(const process::Environment& more) {
    process::Environment environment = process::own_environment();
    for (const auto& [name, value] : more)
        environment[name] = value;
    const std::filesystem::path bin = file("bin");
    std::filesystem::remove(file("running"));
    auto child = process::Child::start({.argv = {(bin / "polygon-entrypoint").string(), "--",
                                                 (bin / "patroni").string(), file("patroni.yml").string()},
                                        .environment = environment,
                                        .output_file = file("log")});
    if (!child) throw std::runtime_error(child.error().message);
    entrypoint_.emplace(std::move(*child));
}

int Node::wait() {
    const auto status = entrypoint_->wait(system_clock(), Deadline(system_clock(), 60s));
    if (!status) throw std::runtime_error(status.error().message + "\n" + log());
    return *status;
}

bool Node::is_patroni_running() const {
    return std::filesystem::exists(file("running"));
}

int Node::patroni_starts() const {
    std::ifstream starts(file("starts"));
    return static_cast<int>(std::count(std::istreambuf_iterator<char>(starts), {}, 'x'));
}

void Node::end_patroni(int status) const {
    require(fs::replace_file(file("end_now"), std::to_string(status)));
}

void Node::let_patroni_end_with(int status) const {
    require(fs::replace_file(file("status"), std::to_string(status)));
}

void Node::let_patroni_hang() const {
    require(fs::replace_file(file("hang"), ""));
}

std::string Node::generation() const {
    const auto marker = postgres::read_marker(places_.data);
    return marker && *marker ? (*marker)->generation : "";
}

std::string Node::proofs() const {
    return fs::read_file(file("proofs")).value_or("");
}

std::string Node::log() const {
    return fs::read_file(file("log")).value_or("");
}

std::optional<etcd::NodeRecord> Node::record(etcd::Client& client) const {
    const auto entry = client.read(keys().node(name_));
    if (!entry || !*entry) return std::nullopt;
    auto record = etcd::parse_node((*entry)->value);
    if (!record) throw std::runtime_error(record.error().message);
    return *record;
}

etcd::LeaseId Node::lease(etcd::Client& client) const {
    const auto entry = client.read(keys().node(name_));
    return entry && *entry ? (*entry)->lease : etcd::kNoLease;
}

}  // namespace polygon::entrypoint
