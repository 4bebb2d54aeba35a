// Table polygon.refresh of database postgres: which generations this cluster has been, and what was proven of each.
#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/postgres/generation_marker.h"
#include "common/sanitize/findings.h"

namespace polygon::sanitize {

// In database postgres, before anybody is let in. Whatever has that name already is dropped: production's may have a
// default, a trigger or an owner of its own. Nobody but the superuser gets at it. A line for what was dropped.
Result<Lines> create_stamp_table(postgres::Connection& session);

// The proven generation's row with its certificate as JSON; a repeat replaces it.
Status stamp(postgres::Connection& session, const postgres::GenerationMarker& marker, const std::string& certificate);

// The same row's certificate, renewed.
Status store_certificate(postgres::Connection& session, const std::string& generation, const std::string& certificate);

// The generation of the data that a server, a replica too, runs on; none if it has none. By its polygon.json, which
// came with the base of the data, where it has one: the table lags as far as replay does, and a replica of another
// generation that replays this one's WAL has this one's row.
Result<std::optional<std::string>> read_carried_generation(postgres::Connection& session);

// Of the generation that was proven last. Errc::not_proven if there is none.
Result<postgres::GenerationMarker> read_stamp(postgres::Connection& session);

}  // namespace polygon::sanitize
