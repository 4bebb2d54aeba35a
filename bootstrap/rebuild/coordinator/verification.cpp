#include "bootstrap/rebuild/coordinator/verification.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/postgres/connection.h"
#include "common/postgres/generation_marker.h"
#include "common/sanitize/evidence.h"
#include "common/sanitize/stamp.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;
using postgres::Connection;
using sanitize::Certificate;
using sanitize::Check;

constexpr auto kReplayDeadline = 30s;

// "postgres://127.0.0.1:5433/postgres" -> "127.0.0.1:5433".
std::string address_of(const patroni::MemberKey& member) {
    const std::size_t start = member.conn_url.find("://");
    if (start == std::string::npos) return "";
    const std::string rest = member.conn_url.substr(start + 3);
    return rest.substr(0, rest.find('/'));
}

postgres::ConnectionParameters login_of(const patroni::Credentials& credentials, const std::string& address,
                                        const std::string& database = "postgres") {
    auto parameters =
        postgres::at_address(address, credentials.username, credentials.password, database, credentials.connection);
    parameters.key_password = credentials.key_password;
    return parameters;
}

Result<Connection> connect_as(const patroni::Credentials& superuser, const std::string& address,
                              const std::string& database = "postgres") {
    return Connection::open_shielded(login_of(superuser, address, database));
}

// Of the WAL that a leader writes: pg_control has it only from the next checkpoint on.
Result<std::string> read_timeline(Connection& leader) {
    return leader.value(
        "SELECT ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8))"
        "::bit(32)::int::text");
}

class Verification {
  public:
    Verification(const patroni::Configuration& configuration, const StoredCluster& cluster, Clock& clock)
        : configuration_(configuration), cluster_(cluster), clock_(clock) {}

    Result<Certificate> collect(const std::optional<etcd::Generation>& proven,
                                const std::vector<std::string>& expected) {
        const patroni::MemberKey* leader =
            cluster_.keys.leader ? cluster_.keys.find_member(*cluster_.keys.leader) : nullptr;
        if (leader == nullptr) {
            return Error{Errc::not_proven, fmt::format("'{}' has no leader", cluster_.prefix),
                         "Look at patronictl list."};
        }
        const sanitize::ConnectTo connect_to = [&](const std::string& database) -> Result<Connection> {
            return connect_as(configuration_.postgresql.superuser, address_of(*leader), database);
        };
        Connection session = TRY(connect_to("postgres"));
        const postgres::GenerationMarker marker = TRY(sanitize::read_stamp(session));
        Certificate certificate{
            .scope = configuration_.scope, .verified_at = format_utc(clock_.wall()), .marker = marker};
        certificate.checks.push_back(check_generation(marker, proven));
        for (Check& check : TRY(sanitize::collect_evidence(connect_to, marker, sanitize::Moment::later)))
            certificate.checks.push_back(std::move(check));
        certificate.checks.push_back(check_login("superuser login", configuration_.postgresql.superuser, *leader));
        certificate.checks.push_back(check_replication_login(*leader));
        if (configuration_.postgresql.rewind) {
            certificate.checks.push_back(check_login("rewind login", *configuration_.postgresql.rewind, *leader));
        }
        TRY(session.execute("UPDATE polygon.refresh SET verified_at = $1::timestamptz WHERE generation = $2",
                            {certificate.verified_at, marker.generation}));
        const std::string leader_timeline = TRY(read_timeline(session));
        certificate.checks.push_back(check_members(expected));
        for (const patroni::MemberKey& member : cluster_.keys.members) {
            if (member.name != leader->name)
                certificate.checks.push_back(check_replica(session, member, certificate, leader_timeline));
        }
        TRY(sanitize::store_certificate(session, marker.generation, to_json(certificate)));
        return certificate;
    }

  private:
    Check check_generation(const postgres::GenerationMarker& marker, const std::optional<etcd::Generation>& proven) {
        Check check{
            "generation", proven && proven->generation == marker.generation,
            fmt::format("{}, from backup {} of {}", marker.generation, marker.backup_label, marker.backup_time)};
        if (!check.holds) check.detail += fmt::format("; etcd says {}", proven ? proven->generation : "none");
        return check;
    }

    // Those of before the rebuild have to be back.
    Check check_members(const std::vector<std::string>& expected) {
        std::vector<std::string> missing;
        for (const std::string& member : expected) {
            if (cluster_.keys.find_member(member) == nullptr) missing.push_back(member);
        }
        return {"members", missing.empty(),
                missing.empty() ? fmt::format("{}, none missing", cluster_.keys.members.size())
                                : fmt::format("missing since the rebuild: {}", fmt::join(missing, ", "))};
    }

    Check check_login(std::string name, const patroni::Credentials& credentials, const patroni::MemberKey& member) {
        // Not shielded: only a superuser may be, and this session runs no statement.
        const Result<Connection> session = Connection::open(login_of(credentials, address_of(member)));
        return {std::move(name), session.has_value(), session ? credentials.username : session.error().message};
    }

    Check check_replication_login(const patroni::MemberKey& leader) {
        const patroni::Credentials& credentials = configuration_.postgresql.replication;
        postgres::ConnectionParameters parameters = login_of(credentials, address_of(leader));
        parameters.keywords["replication"] = "true";
        Result<Connection> session = Connection::open(parameters);
        if (!session) return {"replication login", false, session.error().message};
        const Result<postgres::Rows> identified = session->command("IDENTIFY_SYSTEM");
        return {"replication login", identified.has_value(),
                identified ? credentials.username : identified.error().message};
    }

    // For a moment a replica that connects anew is not there at all.
    static std::string read_replication_state(Connection& leader, const patroni::MemberKey& member) {
        return leader
            .value(
                "SELECT COALESCE((SELECT state FROM pg_catalog.pg_stat_replication WHERE application_name = $1 "
                "ORDER BY state = 'streaming' DESC LIMIT 1), 'absent')",
                {member.name})
            .value_or("no answer");
    }

    Check check_replica(Connection& leader, const patroni::MemberKey& member, const Certificate& certificate,
                        const std::string& leader_timeline) {
        const std::string name = "replica " + member.name;
        const Deadline deadline(clock_, kReplayDeadline);
        std::string state;
        wait_until(clock_, deadline, 100ms, [&] {
            state = read_replication_state(leader, member);
            return state == "streaming";
        });
        if (state != "streaming") return {name, false, "in pg_stat_replication: " + state};
        Result<Connection> session = connect_as(configuration_.postgresql.superuser, address_of(member));
        if (!session) return {name, false, session.error().message};
        // The timeline is asked of the receiver itself: what it streams, not what somebody remembers of it.
        std::string rows;
        std::string timeline;
        const bool holds = wait_until(clock_, deadline, 100ms, [&] {
            rows =
                session
                    ->value(
                        "SELECT count(*) FROM polygon.refresh WHERE generation = $1 AND verified_at = $2::timestamptz",
                        {certificate.marker.generation, certificate.verified_at})
                    .value_or("none");
            timeline =
                session->value("SELECT COALESCE(max(received_tli)::text, 'none') FROM pg_catalog.pg_stat_wal_receiver")
                    .value_or("none");
            return rows == "1" && timeline == leader_timeline;
        });
        return {name, holds,
                fmt::format("streaming, timeline {} (leader's {}), a row written on the leader was {}", timeline,
                            leader_timeline, rows == "1" ? "read" : "not read")};
    }

    const patroni::Configuration& configuration_;
    const StoredCluster& cluster_;
    Clock& clock_;
};

}  // namespace

Result<Certificate> verify_polygon(const patroni::Configuration& configuration, const StoredCluster& cluster,
                                   const std::optional<etcd::Generation>& proven,
                                   const std::vector<std::string>& expected, Clock& clock) {
    return Verification(configuration, cluster, clock).collect(proven, expected);
}

Result<Replication> read_replication(const patroni::Configuration& configuration, const StoredCluster& cluster) {
    const patroni::MemberKey* leader = cluster.keys.leader ? cluster.keys.find_member(*cluster.keys.leader) : nullptr;
    if (leader == nullptr)
        return Error{Errc::connection, fmt::format("'{}' has no leader to ask", cluster.prefix), "", Retry::safe};
    Connection session = TRY(connect_as(configuration.postgresql.superuser, address_of(*leader)));
    Replication replication;
    for (std::string& name :
         TRY(session.column("SELECT application_name FROM pg_catalog.pg_stat_replication WHERE state = 'streaming'")))
        replication.streaming.insert(std::move(name));
    const Result<std::string> bytes = session.value(
        "SELECT COALESCE(sum(backup_streamed), 0)::bigint::text FROM pg_catalog.pg_stat_progress_basebackup");
    replication.cloned_bytes = std::strtoull(bytes.value_or("0").c_str(), nullptr, 10);
    return replication;
}

}  // namespace polygon::rebuild
