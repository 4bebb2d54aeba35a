#include "common/cli/application.h"

#include <CLI/CLI.hpp>

#include "tests/support/catch.h"

namespace polygon::cli {
namespace {

int run_with(Application& application, std::vector<std::string> arguments, const std::function<Result<int>()>& body) {
    std::vector<char*> argv;
    for (std::string& argument : arguments)
        argv.push_back(argument.data());
    return application.run(static_cast<int>(argv.size()), argv.data(), body);
}

TEST_CASE("the body's value is the exit status, its error's code decides otherwise") {
    Application application("tester", "Tests.", "");
    CHECK(run_with(application, {"tester"}, [] { return Result<int>(7); }) == 7);
    CHECK(run_with(application, {"tester"}, [] { return Result<int>(Error{Errc::conflict, "lost", ""}); }) == 33);
}

TEST_CASE("an unknown option is a usage error and the body does not run") {
    Application application("tester", "Tests.", "");
    bool has_run = false;
    CHECK(run_with(application, {"tester", "--nonsense"}, [&] {
              has_run = true;
              return Result<int>(0);
          }) == 2);
    CHECK_FALSE(has_run);
}

TEST_CASE("--set collects overrides and refuses what is no assignment") {
    Application application("tester", "Tests.", "");
    application.accept_overrides();
    CHECK(run_with(application, {"tester", "--set", "a.b=c=d", "--set", "e="}, [] { return Result<int>(0); }) == 0);
    REQUIRE(application.common().overrides.size() == 2);
    CHECK(application.common().overrides[0] == std::pair<std::string, std::string>("a.b", "c=d"));
    CHECK(application.common().overrides[1] == std::pair<std::string, std::string>("e", ""));

    Application other("tester", "Tests.", "");
    other.accept_overrides();
    CHECK(run_with(other, {"tester", "--set", "nothing"}, [] { return Result<int>(0); }) == 2);
}

TEST_CASE("--help ends with every exit status") {
    Application application("tester", "Tests.", "");
    const std::string help = application.parser().help();
    for (const ErrorRow& row : error_table())
        CHECK_THAT(help, ContainsText(std::string(row.meaning)));
}

}  // namespace
}  // namespace polygon::cli
