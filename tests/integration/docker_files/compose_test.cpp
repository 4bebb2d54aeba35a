// docker/ says what the rest of the project says; no engine is needed. docker/try.sh runs it on one.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "common/fs/file.h"
#include "tests/support/catch.h"

namespace polygon {
namespace {

namespace stdfs = std::filesystem;

using Words = std::vector<std::string>;

struct Project {
    std::string name;
    std::string leader_port;
    std::string replica_port;
    Words entrypoint;
    std::string restart;
};

const std::vector<Project> kProjects = {
    {"production", "5000", "5001", {"patroni", "/etc/pg-polygon"}, "unless-stopped"},
    {"polygon", "5500", "5501", {"polygon-entrypoint", "--", "patroni", "/etc/pg-polygon"}, "on-failure"},
};

const stdfs::path kDocker = "docker";  // ctest's working directory is the project's root

std::string read(const stdfs::path& path) {
    const Result<std::string> text = fs::read_file(path);
    INFO(path);
    REQUIRE(text.has_value());
    return *text;
}

YAML::Node load_compose(const Project& project) {
    return YAML::Load(read(kDocker / project.name / "compose.yml"));
}

Words words(const YAML::Node& node) {
    return node.IsScalar() ? Words{node.as<std::string>()} : node.as<Words>();
}

// yaml-cpp leaves the merge key "<<" to its caller.
YAML::Node value_of(const YAML::Node& service, const std::string& key) {
    if (service[key]) return service[key];
    return service["<<"] ? service["<<"][key] : YAML::Node(YAML::NodeType::Undefined);
}

std::set<std::string> names_of_assignments(const stdfs::path& path) {
    std::set<std::string> names;
    std::istringstream lines(read(path));
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with('#') && line.find('=') != std::string::npos) names.insert(line.substr(0, line.find('=')));
    }
    return names;
}

// What one node has, from env_file and environment.
std::set<std::string> names_of_environment(const Project& project, const YAML::Node& service) {
    const std::string file = value_of(service, "env_file").as<std::string>();
    std::set<std::string> names = names_of_assignments(kDocker / project.name / file);
    for (const auto& pair : service["environment"])
        names.insert(pair.first.as<std::string>());
    return names;
}

// Host path by path in the container, of what is mounted from the project's own files.
std::map<std::string, stdfs::path> bind_mounts(const Project& project, const YAML::Node& service) {
    std::map<std::string, stdfs::path> mounts;
    for (const std::string& volume : words(service["volumes"])) {
        if (!volume.starts_with('.')) continue;
        const std::size_t colon = volume.find(':');
        const std::string inside = volume.substr(colon + 1, volume.rfind(':') - colon - 1);
        mounts[inside] = (kDocker / project.name / volume.substr(0, colon)).lexically_normal();
    }
    return mounts;
}

bool is_node(const Project& project, const std::string& service) {
    return service.starts_with(project.name);
}

TEST_CASE("each project has three of etcd, three of Patroni and HAProxy, and no network of another") {
    for (const Project& project : kProjects) {
        const YAML::Node compose = load_compose(project);
        std::set<std::string> names;
        for (const auto& pair : compose["services"]) {
            names.insert(pair.first.as<std::string>());
            CHECK_FALSE(value_of(pair.second, "networks").IsDefined());
            CHECK_FALSE(value_of(pair.second, "network_mode").IsDefined());
        }
        CHECK_FALSE(compose["networks"].IsDefined());
        std::set<std::string> expected = {"haproxy"};
        if (project.name == "production") expected.insert("backup");
        for (const char* number : {"1", "2", "3"}) {
            expected.insert(std::string("etcd") + number);
            expected.insert(project.name + number);
        }
        CHECK(names == expected);
    }
}

TEST_CASE("each node of Patroni starts as it should, with the project's file and the sample's variables") {
    for (const Project& project : kProjects) {
        const std::set<std::string> sample =
            names_of_assignments(stdfs::path("patroni-configs") / project.name / "patroni.env.example");
        const YAML::Node compose = load_compose(project);
        for (const auto& pair : compose["services"]) {
            const auto name = pair.first.as<std::string>();
            const YAML::Node service = pair.second;
            if (!is_node(project, name)) continue;
            INFO(name);
            CHECK(words(value_of(service, "entrypoint")) == project.entrypoint);
            CHECK(value_of(service, "restart").as<std::string>() == project.restart);
            CHECK(names_of_environment(project, service) == sample);
            // Member, service and host have one name, so that addresses are right.
            const YAML::Node environment = service["environment"];
            CHECK(environment["PATRONI_NAME"].as<std::string>() == name);
            CHECK(environment["PATRONI_RESTAPI_CONNECT_ADDRESS"].as<std::string>() == name + ":8008");
            CHECK(environment["PATRONI_POSTGRESQL_CONNECT_ADDRESS"].as<std::string>() == name + ":5432");
            const auto mounts = bind_mounts(project, service);
            CHECK(mounts.at("/etc/pg-polygon/10-patroni.yml") ==
                  stdfs::path("patroni-configs") / project.name / "patroni.yml");
            for (const auto& [inside, file] : mounts) {
                INFO(inside);
                CHECK(stdfs::is_regular_file(file));
            }
        }
    }
}

TEST_CASE("the polygon reads the backups, and cannot write them") {
    const YAML::Node compose = load_compose(kProjects[1]);
    for (const auto& pair : compose["services"]) {
        if (!is_node(kProjects[1], pair.first.as<std::string>())) continue;
        const Words volumes = words(pair.second["volumes"]);
        CHECK(std::count(volumes.begin(), volumes.end(), "backups:/backups:ro") == 1);
    }
    CHECK(compose["volumes"]["backups"]["external"].as<bool>());
}

TEST_CASE("HAProxy is published where it listens, and sends to services that exist") {
    for (const Project& project : kProjects) {
        const YAML::Node services = load_compose(project)["services"];
        Words published;
        for (const std::string& port : {project.leader_port, project.replica_port}) {
            published.push_back("127.0.0.1:" + port + ":" + port);
        }
        CHECK(words(services["haproxy"]["ports"]) == published);

        std::map<std::string, Words> listed;  // servers by "section port check"
        std::string section, port, check;
        std::istringstream lines(read(kDocker / project.name / "haproxy.cfg"));
        for (std::string line; std::getline(lines, line);) {
            std::istringstream fields(line);
            Words word{std::istream_iterator<std::string>(fields), {}};
            if (word.empty()) continue;
            if (word[0] == "listen") section = word.at(1);
            if (word[0] == "bind") port = word.at(1);
            if (word[0] == "http-check" && word.at(1) == "send") check = word.back();
            if (word[0] != "server") continue;
            CHECK(word.at(2) == word.at(1) + ":5432");
            CHECK(services[word.at(1)].IsDefined());
            listed[section + " " + port + " " + check].push_back(word.at(1));
        }
        const Words nodes = {project.name + "1", project.name + "2", project.name + "3"};
        CHECK(listed == std::map<std::string, Words>{{"leader *:" + project.leader_port + " /primary", nodes},
                                                     {"replicas *:" + project.replica_port + " /replica", nodes}});
    }
}

TEST_CASE("the image is built with every library that the project is built with") {
    const std::string dockerfile = read(kDocker / "Dockerfile");
    std::istringstream packages(read("tests/packages.txt"));
    for (std::string package; std::getline(packages, package) && package != "# The tests alone.";) {
        if (package.ends_with("-dev")) CHECK_THAT(dockerfile, ContainsText(" " + package));
    }
}

}  // namespace
}  // namespace polygon
