#include "common/cli/configuration_source.h"

#include "common/base/clock.h"
#include "common/process/environment.h"
#include "tests/support/catch.h"

namespace polygon::cli {
namespace {

using namespace std::chrono_literals;

TEST_CASE("knows Patroni's command line and the configuration on it") {
    CHECK(configuration_argument({"patroni", "/etc/p.yml"}) == "/etc/p.yml");
    CHECK(configuration_argument({"/usr/bin/python3", "/usr/bin/patroni", "--generate", "a.yml"}) == "a.yml");
    CHECK_FALSE(configuration_argument({"/usr/bin/python3", "/usr/bin/patroni"}).has_value());
    CHECK_FALSE(configuration_argument({"bash", "x.yml"}).has_value());
    CHECK(is_patroni({"/usr/bin/python3", "-u", "/usr/bin/patroni"}));
    CHECK_FALSE(is_patroni({"patronictl", "list"}));
}

TEST_CASE("a parent that is Patroni lends its file and the PATRONI_ variables it hides from its children") {
    // A program whose command line looks like Patroni's.
    auto parent = process::Child::start(
        {.argv = {"tail", "-f", "/dev/null", "patroni", "conf/p.yml"},
         .environment = process::Environment{{"PATH", "/usr/bin:/bin"}, {"PATRONI_NAME", "node1"}, {"OTHER", "x"}},
         .directory = "/tmp",
         .output_file = "/dev/null"});
    REQUIRE(parent.has_value());
    // The kernel closes what exec closes before it has laid out the arguments.
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 10s), 1ms,
                       [&] { return !process::read_command_line(parent->pid()).value_or({}).empty(); }));
    const ConfigurationSource source = find_configuration(std::nullopt, parent->pid());
    CHECK(source.path == "/tmp/conf/p.yml");
    CHECK(source.environment.at("PATRONI_NAME") == "node1");
    CHECK_FALSE(source.environment.contains("OTHER"));

    CHECK(find_configuration("/flag.yml", parent->pid()).path == "/flag.yml");
}

}  // namespace
}  // namespace polygon::cli
