#include "bootstrap/restore/proving/own_server.h"

#include <charconv>
#include <chrono>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "common/postgres/control_file.h"
#include "common/postgres/generation_marker.h"

namespace polygon::bootstrap {
namespace {

using namespace std::chrono_literals;
using postgres::Connection;
using postgres::Row;

constexpr auto kLongestStatement = 60s;
constexpr const char* kConnectTimeout = "3";  // seconds, Patroni's own

std::uint64_t number_of(const std::optional<std::string>& text) {
    std::uint64_t number = 0;
    if (text) std::from_chars(text->data(), text->data() + text->size(), number);
    return number;
}

Result<Row> one_row(Connection& session, const std::string& sql) {
    auto rows = TRY(session.query(sql));
    if (rows.size() == 1) return std::move(rows.front());
    return Error{Errc::database, fmt::format("PostgreSQL gave {} rows instead of one", rows.size()), ""};
}

// Of the WAL that a primary writes: pg_control has it only from the next checkpoint on.
Status look_at_primary(Connection& session, etcd::NodeProof& proof) {
    const Row row = TRY(
        one_row(session,
                "SELECT ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8))"
                "::bit(32)::int::text, (pg_catalog.pg_current_wal_lsn() - '0/0')::text"));
    proof.role = etcd::ServerRole::primary;
    proof.timeline = static_cast<std::uint32_t>(number_of(row[0]));
    proof.current_lsn = number_of(row[1]);
    return {};
}

Status look_at_standby(Connection& session, etcd::NodeProof& proof) {
    const Row row = TRY(one_row(
        session,
        "SELECT GREATEST(pg_catalog.pg_last_wal_receive_lsn() - '0/0', pg_catalog.pg_last_wal_replay_lsn() - '0/0')"
        "::text, (pg_catalog.pg_last_wal_replay_lsn() - '0/0')::text, "
        "(SELECT min_recovery_end_timeline::text FROM pg_catalog.pg_control_recovery()), "
        "pg_catalog.pg_is_wal_replay_paused() OR "
        "(SELECT setting::bigint > 0 FROM pg_catalog.pg_settings WHERE name = 'recovery_min_apply_delay')"));
    proof.role = etcd::ServerRole::standby;
    proof.received_lsn = number_of(row[0]);
    proof.replayed_lsn = number_of(row[1]);
    proof.timeline = static_cast<std::uint32_t>(number_of(row[2]));
    proof.is_replay_held = row[3] == "t";
    // The timeline is asked of the receiver itself: what it streams, not what somebody remembers of it.
    const auto receivers =
        TRY(session.query("SELECT status, sender_host, sender_port::text, received_tli::text "
                          "FROM pg_catalog.pg_stat_wal_receiver"));
    if (receivers.empty()) return {};
    const Row& receiver = receivers.front();
    proof.receiver = receiver[0].value_or("");
    if (receiver[1]) proof.upstream = fmt::format("{}:{}", *receiver[1], receiver[2].value_or(""));
    if (const std::uint64_t timeline = number_of(receiver[3]); timeline > 0)
        proof.timeline = static_cast<std::uint32_t>(timeline);
    return {};
}

Status look(const sanitize::ConnectTo& connect_to, const patroni::LocalConnection& local, etcd::NodeProof& proof) {
    Connection session = TRY(connect_to(local.keywords.at("dbname")));
    const Row row = TRY(one_row(session,
                                "SELECT pg_catalog.pg_is_in_recovery(), "
                                "(SELECT system_identifier::text FROM pg_catalog.pg_control_system()), "
                                "(SELECT COALESCE(pg_catalog.sum(backup_streamed), 0)::bigint::text "
                                "FROM pg_catalog.pg_stat_progress_basebackup), "
                                "(SELECT count(*)::text FROM pg_catalog.pg_stat_progress_basebackup "
                                "WHERE phase = 'waiting for checkpoint to finish')"));
    proof.system_identifier = row[1].value_or("");
    proof.cloned_bytes = number_of(row[2]);
    proof.waiting_backups = static_cast<int>(number_of(row[3]));
    return row[0] == "t" ? look_at_standby(session, proof) : look_at_primary(session, proof);
}

// postmaster.pid, its last line (PostgreSQL src/include/utils/pidfile.h): up, and no connections until it is promoted.
bool admits_nobody(const postgres::Path& data_directory) {
    constexpr int kStatusLine = 8;
    const auto postmaster = postgres::read_postmaster(data_directory);
    if (!postmaster || !*postmaster) return false;
    std::istringstream lines(fs::read_file(data_directory / "postmaster.pid").value_or(""));
    std::string line;
    for (int i = 0; i < kStatusLine; ++i) {
        if (!std::getline(lines, line)) return false;
    }
    return line.starts_with("standby");
}

void look_at_files(const postgres::Path& data_directory, etcd::NodeProof& proof) {
    const auto control = postgres::read_control_file(data_directory);
    if (!control) {
        proof.error = control.error().message;
        return;
    }
    proof.role = etcd::ServerRole::standby;
    proof.is_visible = false;
    proof.system_identifier = std::to_string(control->system_identifier);
    proof.timeline = control->timeline;
}

}  // namespace

sanitize::ConnectTo sessions_of(const patroni::LocalConnection& local, const postgres::Path& data_directory) {
    return [local, data_directory](const std::string& database) -> Result<Connection> {
        const int major = TRY(postgres::read_major_version(data_directory));
        postgres::ConnectionParameters parameters{
            .keywords = local.keywords,
            .password = local.password,
            .key_password = local.key_password,
            .host_is = local.is_by_socket() ? postgres::HostIs::socket_directory : postgres::HostIs::one_server};
        parameters.keywords["dbname"] = database;
        parameters.keywords["connect_timeout"] = kConnectTimeout;
        Connection session = TRY(Connection::open_shielded(parameters, major));
        TRY(session.limit_statements(kLongestStatement));
        return session;
    };
}

etcd::NodeProof look_at_own_server(const sanitize::ConnectTo& connect_to, const patroni::LocalConnection& local,
                                   const postgres::Path& data_directory) {
    etcd::NodeProof proof;
    const auto marker = postgres::read_marker(data_directory);
    if (marker && *marker) proof.generation = (*marker)->generation;
    const Status seen = look(connect_to, local, proof);
    if (!seen && admits_nobody(data_directory)) {
        look_at_files(data_directory, proof);
    } else if (!seen) {
        proof.role = etcd::ServerRole::unknown;
        proof.error = seen.error().message;
    }
    if (!marker && proof.error.empty()) proof.error = marker.error().message;
    return proof;
}

}  // namespace polygon::bootstrap
