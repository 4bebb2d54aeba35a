// The README and the sample configurations say what the code does.
#include <filesystem>
#include <sstream>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/fs/file.h"
#include "common/patroni/configuration.h"
#include "common/patroni/polygon_keys.h"
#include "common/patroni/polygon_settings.h"
#include "tests/support/catch.h"

namespace polygon {
namespace {

namespace stdfs = std::filesystem;

const stdfs::path kRoot = POLYGON_SOURCE_ROOT;

std::string readme() {
    return fs::read_file(kRoot / "README.md").value_or("");
}

// The assignments of an env file, comments left out.
patroni::Environment read_assignments(const stdfs::path& path) {
    patroni::Environment environment;
    std::istringstream lines(fs::read_file(path).value_or(""));
    for (std::string line; std::getline(lines, line);) {
        const std::size_t equals = line.find('=');
        if (line.starts_with('#') || equals == std::string::npos) continue;
        environment[line.substr(0, equals)] = line.substr(equals + 1);
    }
    return environment;
}

TEST_CASE("the README lists every exit status with its name and meaning") {
    for (const ErrorRow& row : error_table()) {
        CHECK_THAT(readme(), ContainsText(fmt::format("| {} | `{}` | {} |", row.exit_status, row.name, row.meaning)));
    }
}

TEST_CASE("the README names every key of the polygon section") {
    for (const patroni::Key& key : patroni::polygon_keys())
        CHECK_THAT(readme(), ContainsText("`" + std::string(key.path) + "`"));
}

TEST_CASE("the samples are configurations that the programs take") {
    for (const std::string cluster : {"production", "polygon"}) {
        INFO(cluster);
        const stdfs::path folder = kRoot / "patroni-configs" / cluster;
        const patroni::ConfigurationSources sources{folder / "patroni.yml",
                                                    read_assignments(folder / "patroni.env.example")};
        const auto configuration = patroni::Configuration::load(sources);
        REQUIRE(configuration.has_value());
        CHECK(configuration->scope == cluster);
        CHECK(configuration->etcd3.urls.size() == 3);
        const auto settings = patroni::PolygonSettings::load(sources);
        REQUIRE(settings.has_value());
        CHECK(settings->source.has_value() == (cluster == "polygon"));
    }
}

}  // namespace
}  // namespace polygon
