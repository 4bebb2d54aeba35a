// The staged clone of a rebuild: whether it is whole, and the room for it.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/patroni/polygon_settings.h"
#include "common/postgres/data_directory.h"
#include "common/postgres/generation_marker.h"

namespace polygon::bootstrap {

// A file in a staged clone from before its server listens until it is sealed again. A clone with it counts as broken
// for everybody but the next to serve it: the server may have been killed, with the one-time role still in it.
inline constexpr const char* kServingMark = "polygon-serving";

// The marker of a clone of this generation that is finished: restored, quarantined as configured. Sealed or not.
// Errc::conflict for any other.
Result<postgres::GenerationMarker> require_generation(const postgres::Path& staged, const std::string& generation);

// The same, and nothing of it was touched since it was sealed, nor is it damaged in what a start needs first.
Status require_whole(const postgres::Path& staged, const std::string& generation);

// A server of ours whose process was killed ends by itself, but not in the same moment: waits for that, for a minute.
void await_no_server(const postgres::Path& staged, Clock& clock);

// Removes what an earlier rebuild set aside or staged, and a clone whose bootstrap failed (old_data.h). What belongs to
// this generation stays: the way back, and a staged clone that is whole.
Status make_room(const postgres::Places& places, const std::string& generation, Clock& clock);

// Errc::no_space if the file systems of the staged clone and of the tablespaces' places have less than this together.
// 0 is not known, and enough.
Status require_room_for_copy(const postgres::Places& places, const patroni::TextMap& tablespaces, std::uint64_t bytes);

}  // namespace polygon::bootstrap
