#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/e2e/stand_fixture.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;

// In the middle of the file, and again: as it was.
void flip_bit(const std::filesystem::path& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(path) / 2);
    file.seekg(middle);
    const int byte = file.get();
    file.seekp(middle);
    file.put(static_cast<char>(byte ^ 0x10));
    REQUIRE(file.good());
}

TEST_CASE("a bit flipped in base.tar.gz is found, nothing startable is left, and a mended backup recovers") {
    const StandGuard guard;
    support::Stand& both = stand();
    support::PatroniNode& leader = both.polygon().node("polygon1");
    require(both.stop_polygon());
    require(both.take_backup());
    flip_bit(both.backup() / "base.tar.gz");
    const std::size_t log_before = require(leader.read_log()).size();
    require(both.reset("polygon1"));
    require(both.start_polygon(support::SystemIdentifier::fresh));
    require(support::wait_for("end of polygon1", 120s, [&]() -> Status {
        return leader.exit_status() ? Status() : Status(Error{Errc::not_proven, "it runs"});
    }));

    REQUIRE_THAT(require(leader.read_log()).substr(log_before), ContainsText("backup-corrupt"));
    for (const char* directory : {"data", "data.staged", "data.failed"}) {
        REQUIRE_FALSE(std::filesystem::exists(leader.directory() / directory / "global/pg_control"));
    }
    REQUIRE(std::filesystem::exists(leader.directory() / "data.previous/global/pg_control"));

    flip_bit(both.backup() / "base.tar.gz");
    require(leader.start(both.polygon().config(), support::Launch::entrypoint));
    require(both.wait_for_polygon());
    require_all_proofs();
}

}  // namespace
}  // namespace polygon::e2e
