#include "bootstrap/restore/staging/staged_clone.h"

#include <set>
#include <vector>

#include <fmt/format.h>

#include "bootstrap/restore/staging/old_data.h"
#include "common/base/log.h"
#include "common/cli/units.h"
#include "common/fs/file.h"
#include "common/fs/space.h"
#include "common/postgres/control_file.h"
#include "common/postgres/seal.h"

namespace polygon::bootstrap {
namespace {

using namespace std::chrono_literals;

Error unusable(const postgres::Path& staged, const std::string& reason) {
    return {Errc::conflict, fmt::format("the staged clone '{}' {}", staged.string(), reason),
            "It is not used; run the rebuild again."};
}

}  // namespace

Result<postgres::GenerationMarker> require_generation(const postgres::Path& staged, const std::string& generation) {
    auto marker = TRY(postgres::read_marker(staged));
    if (!marker) return unusable(staged, TRY(fs::is_there(staged)) ? "has no polygon.json" : "is not there");
    if (marker->generation != generation)
        return unusable(staged, fmt::format("is of generation {}, not {}", marker->generation, generation));
    if (marker->stage == postgres::Stage::restoring) return unusable(staged, "was never finished");
    return std::move(*marker);
}

Status require_whole(const postgres::Path& staged, const std::string& generation) {
    TRY(require_generation(staged, generation));
    TRY(postgres::require_sealed(staged));
    TRY(postgres::read_control_file(staged));
    return {};
}

void await_no_server(const postgres::Path& staged, Clock& clock) {
    const auto has_ended = [&] { return !postgres::read_postmaster(staged).value_or(1); };
    if (wait_until(clock, Deadline(clock, 60s), 100ms, has_ended)) return;
    log_warning("a server still runs on the staged clone", {{"directory", staged.string()}});
}

Status make_room(const postgres::Places& places, const std::string& generation, Clock& clock) {
    if (TRY(fs::is_there(places.previous)) && TRY(postgres::replaced_by(places.previous)) != generation) {
        log_info("removing what an earlier rebuild set aside", {{"directory", places.previous.string()}});
        TRY(postgres::remove_data_directory(places.previous, postgres::LinkTargets::with_suffix));
    }
    TRY(remove_failed_clone(places));
    if (!TRY(fs::is_there(places.staged))) return {};
    const Status whole = require_whole(places.staged, generation);
    if (whole || whole.error().code == Errc::io) return whole;
    await_no_server(places.staged, clock);
    log_info("removing an unfinished or older clone", {{"directory", places.staged.string()}});
    return postgres::remove_data_directory(places.staged, postgres::LinkTargets::all);
}

Status require_room_for_copy(const postgres::Places& places, const patroni::TextMap& tablespaces, std::uint64_t bytes) {
    std::vector<postgres::Path> paths = {places.staged};
    for (const auto& [production, here] : tablespaces)
        paths.emplace_back(here);
    std::set<dev_t> devices;
    std::uint64_t free_bytes = 0;
    for (const postgres::Path& path : paths) {
        const fs::Space space = TRY(fs::read_space(path));
        if (devices.insert(space.device).second) free_bytes += space.free_bytes;
    }
    if (bytes <= free_bytes) return {};
    return Error{Errc::no_space,
                 fmt::format("the clone takes {}, and there are {} free for '{}'", cli::human_bytes(bytes),
                             cli::human_bytes(free_bytes), places.staged.string()),
                 "Make room, or rebuild in place."};
}

}  // namespace polygon::bootstrap
