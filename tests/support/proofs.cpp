#include "tests/support/proofs.h"

#include <array>
#include <chrono>

#include <fmt/format.h>

#include "tests/support/danger_proofs.h"
#include "tests/support/waiting.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

constexpr std::array kProofs = {
    Proof{"production's rows on every polygon node", prove_contents},
    Proof{"system identifier", prove_system_identifier},
    Proof{"the polygon's passwords accepted", prove_own_passwords_accepted},
    Proof{"production's passwords refused", prove_production_passwords_refused},
    Proof{"a row written on the leader read on the replicas", prove_replication},
    Proof{"a switchover done and survived", prove_switchover},
    Proof{"production unchanged and still writing", prove_production_unchanged},
    Proof{"what ties production to others gone", prove_ties_cut},
    Proof{"production's partner not reached", prove_partner_not_reached},
    Proof{"production's foreign servers not reached", prove_foreign_server_not_reached},
    Proof{"production's job not run", prove_no_job_ran},
    Proof{"no password in any log", prove_no_password_logged},
    Proof{"polygon-rebuild verify agrees", prove_certificate},
};

Error not_proven(std::string message) {
    return Error{Errc::not_proven, std::move(message)};
}

Status check_contents(PatroniNode& node, const Login& login, const Contents& expected) {
    Database database = TRY(node.connect(login, "thai"));
    for (const auto& [relation, seen] : TRY(read_thai(database))) {
        if (seen == expected.at(relation)) continue;
        return not_proven(
            fmt::format("{}: {} holds {} and not {}", node.name(), relation, seen, expected.at(relation)));
    }
    return {};
}

Status check_absent(PatroniNode& node, const Login& login, const std::string& database) {
    Database postgres = TRY(node.connect(login));
    if (TRY(postgres.value("SELECT count(*) FROM pg_database WHERE datname = $1", {database})) == "0") return {};
    return not_proven(fmt::format("{} still has the database {}", node.name(), database));
}

Status log_in(const PatroniNode& node, const Login& login, Protocol protocol) {
    Database database = TRY(Database::connect({.port = node.postgres_port(), .protocol = protocol}, login));
    return database.run(protocol == Protocol::replication ? "IDENTIFY_SYSTEM" : "SELECT 1");
}

// Refused for its password or its role, not for a server that is down or a missing line in pg_hba.conf.
Status check_refused(const PatroniNode& node, const Login& login, Protocol protocol) {
    const Status answer = log_in(node, login, protocol);
    if (answer) return not_proven(fmt::format("{} lets {} in with production's password", node.name(), login.user));
    const std::string& message = answer.error().message;
    for (const char* reason : {"password authentication failed", "is not permitted to log in"}) {
        if (message.find(reason) != std::string::npos) return {};
    }
    return not_proven(fmt::format("{} refused {} for another reason: {}", node.name(), login.user, message));
}

// Writes a row of a new number on the leader and waits until the other nodes have it.
Status write_and_read(Cluster& cluster, const std::string& database_name) {
    const Login& superuser = cluster.credentials().superuser;
    Database database = TRY(cluster.connect_to_leader(database_name));
    TRY(database.run(
        "CREATE TABLE IF NOT EXISTS stand_rows (id serial PRIMARY KEY, written timestamptz DEFAULT now())"));
    const std::string id = TRY(database.value("INSERT INTO stand_rows DEFAULT VALUES RETURNING id"));
    for (const PatroniNode* replica : cluster.replicas()) {
        TRY(wait_for(fmt::format("row {} on {}", id, replica->name()), 120s, [&]() -> Status {
            Database copy = TRY(replica->connect(superuser, database_name));
            if (TRY(copy.value("SELECT count(*) FROM stand_rows WHERE id = $1", {id})) == "1") return {};
            return not_proven("not there yet");
        }));
    }
    return {};
}

Status check_archives(Stand& stand) {
    Database production = TRY(stand.production().connect_to_leader());
    const std::string segment = TRY(production.value("SELECT pg_walfile_name(pg_current_wal_insert_lsn())"));
    TRY(production.run("SELECT pg_switch_wal()"));
    // As the archiver says: a file that is there may still be on its way.
    TRY(wait_for("segment " + segment + " in production's archive", 120s, [&]() -> Status {
        const std::string last = TRY(production.value("SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"));
        if (last >= segment) return {};
        return not_proven("the last is " + last);
    }));
    const ProductionState& before = stand.production_state();
    return check_archive(stand.archive(), before.archive, before.system_identifier, before.timeline);
}

}  // namespace

Evidence prove_contents(Stand& stand) {
    const Login& superuser = stand.polygon().credentials().superuser;
    const Contents& expected = stand.production_state().contents;
    for (PatroniNode& node : stand.polygon().nodes()) {
        TRY(check_contents(node, superuser, expected));
        TRY(check_absent(node, superuser, "thai_polygon"));
    }
    const std::string& tickets = expected.at("tickets");
    return fmt::format("{} relations alike, {} tickets on each", expected.size(), tickets.substr(0, tickets.find('/')));
}

Evidence prove_system_identifier(Stand& stand) {
    const std::string& production = stand.production_state().system_identifier;
    std::string seen;
    for (PatroniNode& node : stand.polygon().nodes()) {
        Database database = TRY(node.connect(stand.polygon().credentials().superuser));
        seen = TRY(read_system_identifier(database));
        const bool is_right = stand.asked_identifier() == SystemIdentifier::kept
                                  ? seen == production
                                  : seen != production && seen != stand.previous_identifier();
        if (!is_right) return not_proven(fmt::format("{} has the system identifier {}", node.name(), seen));
    }
    return fmt::format("{}; production's {}", seen, production);
}

Evidence prove_own_passwords_accepted(Stand& stand) {
    const Credentials& own = stand.polygon().credentials();
    for (const PatroniNode& node : stand.polygon().nodes()) {
        TRY(log_in(node, own.superuser, Protocol::queries));
        TRY(log_in(node, own.replication, Protocol::replication));
        TRY(log_in(node, own.rewind, Protocol::queries));
        TRY(log_in(node, own.app, Protocol::queries));
    }
    return fmt::format("{}, {}, {}, {} on each node", own.superuser.user, own.replication.user, own.rewind.user,
                       own.app.user);
}

Evidence prove_production_passwords_refused(Stand& stand) {
    const Credentials& theirs = stand.production().credentials();
    std::vector<Login> logins = Dangers::more_production_roles();
    logins.insert(logins.end(), {theirs.superuser, theirs.rewind, theirs.app, theirs.report});
    std::string names = theirs.replication.user;
    for (const Login& login : logins)
        names += ", " + login.user;
    for (const PatroniNode& node : stand.polygon().nodes()) {
        TRY(check_refused(node, theirs.replication, Protocol::replication));
        for (const Login& login : logins)
            TRY(check_refused(node, login, Protocol::queries));
    }
    return names + " on each node";
}

Evidence prove_replication(Stand& stand) {
    TRY(write_and_read(stand.polygon(), "thai"));
    return std::string("by both replicas");
}

Evidence prove_switchover(Stand& stand) {
    Cluster& polygon = stand.polygon();
    const std::string from = TRY(polygon.leader())->name();
    const std::string to = polygon.replicas().front()->name();
    TRY(polygon.switch_over_to(to));
    TRY(write_and_read(polygon, "thai"));
    return fmt::format("from {} to {}", from, to);
}

Evidence prove_production_unchanged(Stand& stand) {
    Cluster& production = stand.production();
    const ProductionState& before = stand.production_state();
    TRY(production.check_health());
    Database database = TRY(production.connect_to_leader("thai"));
    if (TRY(read_system_identifier(database)) != before.system_identifier)
        return not_proven("its system identifier changed");
    for (PatroniNode& node : production.nodes()) {
        TRY(check_contents(node, production.credentials().superuser, before.contents));
        TRY(log_in(node, production.credentials().app, Protocol::queries));
    }
    TRY(write_and_read(production, "thai"));
    TRY(check_archives(stand));
    return fmt::format("{} segments and more in its archive", before.archive.size());
}

Evidence prove_certificate(Stand& stand) {
    const process::Finished done = TRY(stand.polygon_rebuild({"verify"}));
    const std::size_t row = done.out.find("production's settings");
    if (done.exit_status == 0 && row != std::string::npos)
        return "exit status 0; " + done.out.substr(row, done.out.find('\n', row) - row);
    return not_proven(fmt::format("exit status {}: {}{}", done.exit_status, done.out, done.err));
}

std::span<const Proof> all_proofs() {
    return kProofs;
}

}  // namespace polygon::support
