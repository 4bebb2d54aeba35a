#include "common/sanitize/ties/event_triggers.h"

#include <fmt/format.h>

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using postgres::Row;

std::string_view enabling_clause(const std::string& state) {
    if (state == "A") return "ENABLE ALWAYS";
    return state == "R" ? "ENABLE REPLICA" : "ENABLE";
}

}  // namespace

Result<std::vector<Row>> silence_event_triggers(Connection& session) {
    std::vector<Row> triggers =
        TRY(session.query("SELECT evtname, evtenabled FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D'"));
    for (const Row& trigger : triggers)
        TRY(session.execute(fmt::format("ALTER EVENT TRIGGER {} DISABLE", session.quote_identifier(*trigger[0]))));
    return triggers;
}

Status restore_event_triggers(Connection& session, const std::vector<Row>& triggers) {
    for (const Row& trigger : triggers) {
        const std::string count = "SELECT count(*) FROM pg_catalog.pg_event_trigger WHERE evtname = $1";
        if (TRY(session.value(count, {trigger[0]})) == "0") continue;
        TRY(session.execute(fmt::format("ALTER EVENT TRIGGER {} {}", session.quote_identifier(*trigger[0]),
                                        enabling_clause(*trigger[1]))));
    }
    return {};
}

}  // namespace polygon::sanitize
