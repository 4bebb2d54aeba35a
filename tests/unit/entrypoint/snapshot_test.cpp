#include "bootstrap/entrypoint/guard/snapshot.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/postgres/generation_marker.h"
#include "common/process/child.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::entrypoint {
namespace {

TEST_CASE("what cannot be started is a fragment, and half of ours where polygon.json or our mark is there") {
    const support::Scratch scratch;
    const postgres::Places places = postgres::find_places(scratch.path() / "data");
    CHECK(look_at_data(places)->state == DataState::empty);
    std::filesystem::create_directory(places.data);
    CHECK(look_at_data(places)->state == DataState::empty);
    std::ofstream(places.data / "something") << "x";
    CHECK(look_at_data(places)->state == DataState::fragment);
    CHECK_FALSE(look_at_data(places)->is_partial_copy);
    CHECK_FALSE(look_at_data(places)->is_startable);
    CHECK(look_at_data(places)->system_identifier == 0);
    std::ofstream(places.data / "polygon-removing") << "pg_control";
    CHECK(look_at_data(places)->state == DataState::half);
    std::filesystem::remove(places.data / "polygon-removing");
    postgres::GenerationMarker marker{.generation = "g2", .stage = postgres::Stage::restored};
    REQUIRE(postgres::write_marker(places.data, marker).has_value());
    CHECK(look_at_data(places)->state == DataState::half);
    CHECK(look_at_data(places)->generation == "g2");
    // Proven, but no control file: an interrupted clone.
    marker.stage = postgres::Stage::proven;
    REQUIRE(postgres::write_marker(places.data, marker).has_value());
    CHECK(look_at_data(places)->state == DataState::half);
}

TEST_CASE("a control file or polygon.json that is there and makes no sense is neither half nor absent") {
    const support::Scratch scratch;
    const postgres::Places places = postgres::find_places(scratch.path() / "data");
    std::filesystem::create_directories(places.data / "global");
    std::ofstream(places.data / "global/pg_control") << "no control file";
    const std::string control = (places.data / "global/pg_control").string();
    for (const auto stage : {postgres::Stage::restored, postgres::Stage::proven}) {
        REQUIRE(postgres::write_marker(places.data, {.generation = "g1", .stage = stage}).has_value());
        CHECK(look_at_data(places)->unreadable == "control file '" + control + "' has 15 bytes");
    }
    std::ofstream(places.data / "global/pg_control") << std::string(8192, 'x');
    CHECK_THAT(look_at_data(places)->unreadable, ContainsText("has version"));
    std::ofstream(places.data / "polygon.json") << "";
    CHECK(look_at_data(places)->state == DataState::complete);
    CHECK_FALSE(look_at_data(places)->unreadable.empty());
    std::filesystem::remove(places.data /
                            "global/pg_control");  // nothing can start it, and it is nobody's as far as known
    CHECK(look_at_data(places)->state == DataState::fragment);
    CHECK(look_at_data(places)->unreadable.empty());
}

TEST_CASE("what cannot be read is not taken as absent") {
    const support::Scratch scratch;
    const postgres::Places places = postgres::find_places(scratch.path() / "data");
    std::filesystem::create_directories(places.data / "global");
    std::ofstream(places.data / "PG_VERSION") << "15";
    const auto loop = [](const std::filesystem::path& at) {  // reading it is ELOOP, as root too
        std::filesystem::create_symlink(at.filename(), at);
    };
    const std::string file = GENERATE("global/pg_control", "polygon.json", "postmaster.pid", "polygon-replaced-by");
    INFO(file);
    loop(places.data / file);
    const auto seen = look_at_data(places);
    if (file == "global/pg_control") {
        REQUIRE(seen.has_value());
        CHECK(seen->state == DataState::complete);
        CHECK_THAT(seen->unreadable, ContainsText("Too many levels of symbolic links"));
    } else if (file == "polygon-replaced-by") {
        const auto replaced = postgres::replaced_by(places.data);
        REQUIRE_FALSE(replaced.has_value());
        CHECK_THAT(replaced.error().message, ContainsText("Too many levels of symbolic links"));
    } else {
        REQUIRE_FALSE(seen.has_value());
        CHECK(seen.error().code == Errc::io);
        CHECK_THAT(seen.error().message, ContainsText(file));
        CHECK_THAT(seen.error().message, ContainsText("Too many levels of symbolic links"));
    }
}

TEST_CASE("a server that runs on the data directory is seen by its postmaster.pid") {
    const support::Scratch scratch;
    const postgres::Places places = postgres::find_places(scratch.path() / "data");
    std::filesystem::create_directory(places.data);
    // As a postmaster it works in its data directory; another process of that number does not.
    auto server = process::Child::start({.argv = {"sleep", "600"}, .directory = places.data});
    REQUIRE(server.has_value());
    std::ofstream(places.data / "postmaster.pid") << server->pid() << "\n";
    CHECK(look_at_data(places)->has_running_server);
    std::ofstream(places.data / "postmaster.pid") << getpid() << "\n";
    CHECK_FALSE(look_at_data(places)->has_running_server);
    std::ofstream(places.data / "postmaster.pid") << "999999999\n";
    CHECK_FALSE(look_at_data(places)->has_running_server);
}

// 0: seen while it runs, and not any more. Of a user without privileges, for root may look at every process.
int look_at_hidden_server() {
    if (geteuid() == 0 && (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) return 10;
    std::string name = "/tmp/polygon-test-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) return 11;
    const std::filesystem::path directory = name;
    std::array<int, 2> ready = {};
    if (pipe(ready.data()) != 0) return 12;
    const pid_t server = fork();
    if (server == 0) {
        if (chdir(name.c_str()) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 || write(ready[1], "\n", 1) != 1) _exit(1);
        while (true)
            pause();
    }
    char byte = 0;
    if (read(ready[0], &byte, 1) != 1) return 13;
    std::ofstream(directory / "postmaster.pid") << server << "\n";
    const auto seen = postgres::read_postmaster(directory);
    kill(server, SIGKILL);
    waitpid(server, nullptr, 0);
    const auto gone = postgres::read_postmaster(directory);
    std::filesystem::remove_all(directory);
    if (!seen || !gone) return 14;
    return *seen == server && !*gone ? 0 : 1;
}

TEST_CASE("a server whose working directory may not be looked at is one that runs") {
    const pid_t pid = fork();
    if (pid == 0) _exit(look_at_hidden_server());
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK(process::to_exit_status(status) == 0);
}

}  // namespace
}  // namespace polygon::entrypoint
