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

Result<std::vector<std::string>> enabled_login_triggers(Connection& session) {
    return session.column(
        "SELECT evtname FROM pg_catalog.pg_event_trigger WHERE evtevent = 'login' AND evtenabled <> 'D' ORDER BY 1");
}

Status disable(Connection& session, const std::string& trigger) {
    return session.execute(fmt::format("ALTER EVENT TRIGGER {} DISABLE", session.quote_identifier(trigger)));
}

std::string describe(const std::string& login_trigger) {
    return fmt::format("login event trigger '{}'", login_trigger);
}

}  // namespace

Result<Lines> find_login_triggers(Connection& session) {
    Lines lines;
    for (const std::string& trigger : TRY(enabled_login_triggers(session)))
        lines.push_back(describe(trigger));
    return lines;
}

Result<Lines> disable_login_triggers(Connection& session) {
    Lines lines;
    for (const std::string& trigger : TRY(enabled_login_triggers(session))) {
        TRY(disable(session, trigger));
        lines.push_back(describe(trigger));
    }
    return lines;
}

Result<std::vector<Row>> silence_event_triggers(Connection& session) {
    std::vector<Row> triggers =
        TRY(session.query("SELECT evtname, evtenabled FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D'"));
    for (const Row& trigger : triggers)
        TRY(disable(session, *trigger[0]));
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
