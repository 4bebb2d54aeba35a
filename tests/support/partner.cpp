#include "tests/support/partner.h"

#include <chrono>
#include <sstream>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "tests/support/waiting.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

const Login kSuperuser = {"postgres", "partner-postgres-secret"};
const Login kFeed = {"production_feed", "partner-production_feed-secret"};

Status check_equal(const std::string& what, const std::string& seen, const std::string& wanted) {
    if (seen == wanted) return {};
    return Error{Errc::not_proven, fmt::format("{} is {} and not {}", what, seen, wanted)};
}

// A statement that fails would stand in the server's log, with the password in it.
Status run_with_password(Database& database, const std::string& statement) {
    TRY(database.run("SET log_min_error_statement = 'panic'"));
    return database.run(statement);
}

std::string create_subscription(const std::string& name, int port, const std::string& database, const Login& login,
                                const std::string& slot) {
    return fmt::format(
        "CREATE SUBSCRIPTION {0} CONNECTION 'host=127.0.0.1 port={1} dbname={2} user={3} password={4}' "
        "PUBLICATION {0} WITH (slot_name = '{5}')",
        name, port, database, login.user, login.password, slot);
}

Status make_feed_role(Database& database, const Login& login, const std::string& table) {
    TRY(database.set_login(login));
    TRY(database.run(fmt::format("ALTER ROLE {} REPLICATION", login.user)));
    TRY(database.run(fmt::format("GRANT SELECT ON {} TO {}", table, login.user)));
    return database.run(fmt::format("CREATE PUBLICATION {0} FOR TABLE {0}", table));
}

// "connection received: host=…" comes for each, "connection authorized: user=… application_name=stand" for ours.
Status check_connections(const std::string& log, int& ours) {
    int received = 0;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
        if (line.find("connection received") != std::string::npos) ++received;
        if (line.find("connection authorized") == std::string::npos) continue;
        if (line.find("application_name=stand") == std::string::npos)
            return Error{Errc::not_proven, "the partner was reached: " + line};
        ++ours;
    }
    if (received == ours) return {};
    return Error{Errc::not_proven,
                 fmt::format("the partner has received {} connections, {} of them the stand's", received, ours)};
}

}  // namespace

Result<std::unique_ptr<Partner>> Partner::make(Workspace& workspace) {
    PlainServer server = TRY(PlainServer::make(workspace, "partner", kSuperuser));
    std::unique_ptr<Partner> partner(new Partner(std::move(server)));
    TRY(partner->server_.start());
    TRY(partner->publish());
    return partner;
}

Status Partner::publish() {
    Database database = TRY(server_.connect());
    TRY(database.run("CREATE TABLE news (id serial PRIMARY KEY, headline text)"));
    TRY(database.run("INSERT INTO news (headline) SELECT 'headline ' || i FROM generate_series(1, 100) AS i"));
    return make_feed_role(database, kFeed, "news");
}

Status Partner::tie_to(Cluster& production) {
    TRY(subscribe_production(production));
    TRY(subscribe_to(production));
    return wait_for("production's copy of the partner's news", 120s, [&] { return check_caught_up(production); });
}

Status Partner::subscribe_production(Cluster& production) {
    Database database = TRY(production.connect_to_leader("thai"));
    TRY(database.run("CREATE TABLE news (id integer PRIMARY KEY, headline text)"));
    return run_with_password(database,
                             create_subscription("news", server_.port(), "postgres", kFeed, "production_news"));
}

Status Partner::subscribe_to(Cluster& production) {
    PatroniNode* const leader = TRY(production.leader());
    Database published = TRY(leader->connect(production.credentials().superuser, "thai"));
    TRY(make_feed_role(published, production_role(), "stations"));
    Database database = TRY(server_.connect());
    TRY(database.run("CREATE TABLE stations (id integer PRIMARY KEY, name text, province text, opened date)"));
    TRY(run_with_password(database, create_subscription("stations", leader->postgres_port(), "thai", production_role(),
                                                        "partner_stations")));
    return wait_for("partner's copy of production's stations", 120s, [&]() -> Status {
        return check_equal("number of stations", TRY(database.value("SELECT count(*) FROM stations")),
                           TRY(published.value("SELECT count(*) FROM stations")));
    });
}

Status Partner::alter_subscription(Cluster& production, const std::string& change) {
    Database database = TRY(production.connect_to_leader("thai"));
    return database.run("ALTER SUBSCRIPTION news " + change);
}

Status Partner::check_caught_up(Cluster& production) const {
    Database publisher = TRY(server_.connect());
    Database subscriber = TRY(production.connect_to_leader("thai"));
    TRY(check_equal("number of news", TRY(subscriber.value("SELECT count(*) FROM news")),
                    TRY(publisher.value("SELECT count(*) FROM news"))));
    // "r": ready, nothing is left to be copied.
    return check_equal("state of news", TRY(subscriber.value("SELECT srsubstate FROM pg_subscription_rel")), "r");
}

Status Partner::begin_feeding(Cluster& production) {
    TRY(alter_subscription(production, "ENABLE"));
    return wait_for("production's copy of the partner's news", 120s, [&] { return check_caught_up(production); });
}

Status Partner::stop_feeding(Cluster& production) {
    TRY(alter_subscription(production, "DISABLE"));
    Database database = TRY(server_.connect());
    TRY(wait_for("inactive slot of production's on the partner", 60s, [&]() -> Status {
        return check_equal(
            "active",
            TRY(database.value("SELECT active FROM pg_replication_slots WHERE slot_name = 'production_news'")), "f");
    }));
    TRY(database.run("INSERT INTO news (headline) SELECT 'unread ' || i FROM generate_series(1, 100) AS i"));
    slot_ = TRY(read_slot());
    log_size_bytes_ = TRY(fs::read_file(server_.log())).size();
    return {};
}

Result<std::string> Partner::read_slot() const {
    Database database = TRY(server_.connect());
    return database.value(
        "SELECT concat_ws(' ', 'confirmed', confirmed_flush_lsn, 'restart', restart_lsn, 'active', active) "
        "FROM pg_replication_slots WHERE slot_name = 'production_news'");
}

Result<std::string> Partner::check_untouched() const {
    const std::string slot = TRY(read_slot());
    TRY(check_equal("the partner's slot for production", slot, slot_));
    int ours = 0;
    TRY(check_connections(TRY(fs::read_file(server_.log())).substr(log_size_bytes_), ours));
    return fmt::format("slot {}; no connection but {} of the stand's", slot, ours);
}

std::vector<std::string> Partner::passwords() const {
    return {kSuperuser.password, kFeed.password, production_role().password};
}

}  // namespace polygon::support
