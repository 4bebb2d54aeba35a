#include "tests/support/outage_watch.h"

#include <memory>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "tests/support/waiting.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

constexpr auto kInterval = 100ms;

using Connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;
using Answer = std::unique_ptr<PGresult, void (*)(PGresult*)>;

// All nodes, of which libpq takes the one that accepts writes. A node that hangs costs two seconds: libpq has no less.
std::string make_conninfo(Cluster& cluster, const std::string& database) {
    std::string hosts;
    std::string ports;
    for (const PatroniNode& node : cluster.nodes()) {
        hosts += hosts.empty() ? "127.0.0.1" : ",127.0.0.1";
        ports += fmt::format("{}{}", ports.empty() ? "" : ",", node.postgres_port());
    }
    const Login& superuser = cluster.credentials().superuser;
    return fmt::format(
        "host={} port={} dbname={} user={} password={} target_session_attrs=read-write connect_timeout=2 "
        "tcp_user_timeout=2000 sslmode=disable passfile=/dev/null application_name=tester "
        "options='-c statement_timeout=2s'",
        hosts, ports, database, superuser.user, superuser.password);
}

// Also how many other nodes of the cluster stream: a clone under way has pg_basebackup's name.
std::string make_statement(const Cluster& cluster) {
    return fmt::format(
        "INSERT INTO public.pulse DEFAULT VALUES RETURNING (SELECT count(*) FROM pg_stat_replication WHERE state = "
        "'streaming' AND application_name LIKE '{}_'), (SELECT system_identifier FROM pg_control_system())",
        cluster.scope());
}

std::optional<Write> write_row(PGconn* connection, const std::string& statement) {
    const Answer answer(PQexec(connection, statement.c_str()), PQclear);
    if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK) return std::nullopt;
    return Write{.at = system_clock().now(),
                 .streaming = std::atoi(PQgetvalue(answer.get(), 0, 0)),
                 .system_identifier = PQgetvalue(answer.get(), 0, 1)};
}

}  // namespace

OutageWatch::OutageWatch(Cluster& cluster, const std::string& database)
    : conninfo_(make_conninfo(cluster, database)),
      statement_(make_statement(cluster)),
      replicas_(static_cast<int>(cluster.nodes().size()) - 1),
      thread_([this] { write_until_stopped(); }) {}

OutageWatch::~OutageWatch() {
    is_stopping_ = true;
    thread_.join();
}

void OutageWatch::write_until_stopped() {
    Connection connection(nullptr, PQfinish);
    while (!is_stopping_) {
        if (!connection) connection.reset(PQconnectdb(conninfo_.c_str()));
        if (const std::optional<Write> written = write_row(connection.get(), statement_)) {
            const std::lock_guard guard(mutex_);
            writes_.push_back(*written);
        } else {
            connection.reset();
        }
        system_clock().sleep(kInterval);
    }
}

std::vector<Write> OutageWatch::writes() const {
    const std::lock_guard guard(mutex_);
    return writes_;
}

std::size_t OutageWatch::count() const {
    const std::lock_guard guard(mutex_);
    return writes_.size();
}

Status OutageWatch::wait_for_writes(std::size_t more) const {
    const std::size_t wanted = count() + more;
    return wait_for("rows written by the tester", 60s, [&]() -> Status {
        const std::size_t seen = count();
        if (seen >= wanted) return {};
        return Error{Errc::not_proven, fmt::format("{} of {} rows", seen, wanted)};
    });
}

Result<Outage> OutageWatch::longest() const {
    const std::vector<Write> rows = writes();
    if (rows.size() < 2) return Error{Errc::not_proven, fmt::format("the tester wrote {} rows", rows.size())};
    Outage longest = {rows[0].at, rows[1].at};
    for (std::size_t i = 1; i + 1 < rows.size(); ++i) {
        if (const Outage next = {rows[i].at, rows[i + 1].at}; next.length() > longest.length()) longest = next;
    }
    return longest;
}

std::optional<std::chrono::duration<double>> OutageWatch::until_redundant(const Outage& outage) const {
    for (const Write& row : writes()) {
        if (row.at >= outage.first_after && row.streaming >= replicas_) return row.at - outage.last_before;
    }
    return std::nullopt;
}

}  // namespace polygon::support
