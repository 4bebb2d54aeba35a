#include "bootstrap/restore/status_file.h"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "common/fs/file.h"
#include "tests/support/capture.h"
#include "tests/support/catch.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

using namespace std::chrono_literals;
using support::FakeClock;
using Json = nlohmann::json;

Json read_json(const fs::Path& path) {
    return Json::parse(fs::read_file(path).value_or(""));
}

cli::Figures figures_of(std::uint64_t bytes_done) {
    return {.bytes_done = bytes_done, .bytes_total = 1000, .files_done = 3, .files_total = 7};
}

TEST_CASE("the status file has the figures, the rate and the time left, and says when it ended") {
    const support::Scratch scratch;
    const fs::Path path = scratch.path() / "status.json";
    FakeClock clock;
    StatusFile file(path, clock);
    file.enter("restore");
    CHECK(read_json(path)["state"] == "running");
    CHECK(read_json(path)["seconds_left"].is_null());
    cli::Pace pace;
    pace.observe(clock.now(), figures_of(0));
    clock.advance(1s);
    pace.observe(clock.now(), figures_of(100));
    file.update(figures_of(100), pace);
    CHECK(read_json(path) == Json{{"phase", "restore"},
                                  {"bytes_done", 100},
                                  {"bytes_total", 1000},
                                  {"files_done", 3},
                                  {"files_total", 7},
                                  {"bytes_per_second", 100},
                                  {"seconds_left", 9},
                                  {"updated_at", "2026-11-20T04:00:01Z"},
                                  {"state", "running"}});
    file.end({});
    CHECK(read_json(path)["state"] == "done");
    CHECK_FALSE(read_json(path).contains("error"));
    CHECK_FALSE(std::filesystem::exists(scratch.path() / ".status.json.new"));
}

TEST_CASE("it says where something is served, as long as it is") {
    const support::Scratch scratch;
    const fs::Path path = scratch.path() / "status.json";
    FakeClock clock;
    StatusFile file(path, clock);
    file.enter("serve");
    CHECK_FALSE(read_json(path).contains("address"));
    file.announce("10.0.0.1:5433");
    CHECK(read_json(path)["address"] == "10.0.0.1:5433");
    CHECK(read_json(path)["state"] == "running");
    file.announce("");
    file.end({});
    CHECK_FALSE(read_json(path).contains("address"));
}

TEST_CASE("it is written twice a second at most, and always at the end, with the last figures") {
    const support::Scratch scratch;
    const fs::Path path = scratch.path() / "status.json";
    FakeClock clock;
    StatusFile file(path, clock);
    file.enter("restore");
    clock.advance(499ms);
    file.update(figures_of(1), {});
    CHECK(read_json(path)["bytes_done"] == 0);
    clock.advance(1ms);
    file.update(figures_of(2), {});
    CHECK(read_json(path)["bytes_done"] == 2);
    file.update(figures_of(1000), {});
    CHECK(read_json(path)["bytes_done"] == 2);
    file.end(Error{Errc::io, "cannot open 'x'", "Look for it."});
    CHECK(read_json(path)["bytes_done"] == 1000);
    CHECK(read_json(path)["state"] == "failed");
    CHECK(read_json(path)["error"] == "cannot open 'x'");
}

TEST_CASE("another process that ends the work keeps the figures that are there") {
    const support::Scratch scratch;
    const fs::Path path = scratch.path() / "status.json";
    FakeClock clock;
    StatusFile worker(path, clock);
    worker.enter("restore");
    clock.advance(1s);
    worker.update(figures_of(500), {});
    clock.advance(1s);
    StatusFile(path, clock).fail_from_outside("interrupted by signal 15");
    CHECK(read_json(path)["phase"] == "restore");
    CHECK(read_json(path)["bytes_done"] == 500);
    CHECK(read_json(path)["state"] == "failed");
    CHECK(read_json(path)["error"] == "interrupted by signal 15");
    CHECK(read_json(path)["updated_at"] == "2026-11-20T04:00:02Z");
}

TEST_CASE("a status file that cannot be written is one warning and no failure") {
    FakeClock clock;
    StatusFile file("/nowhere/status.json", clock);
    const std::string text = support::capture_stderr([&] {
        file.enter("restore");
        file.end({});
    });
    CHECK_THAT(text, ContainsText("the status file is not written: cannot open '/nowhere/.status.json.new'"));
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

}  // namespace
}  // namespace polygon::bootstrap
