// One libpq connection. Values go as parameters; utility statements take quote_identifier() and quote_literal().
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

struct pg_conn;

namespace polygon::postgres {

// Rows of text; SQL's NULL is none.
using Row = std::vector<std::optional<std::string>>;
using Rows = std::vector<Row>;

// What `host` may be: whatever the user has written, or what a program of ours knows exactly: the name or address of
// one server, or a socket's directory. The environment may not lead these elsewhere.
enum class HostIs { anything, one_server, socket_directory };

struct ConnectionParameters {
    std::string
        conninfo;  // a conninfo string or URI that the others go over; may be empty. Nobody else's than the user's
    std::map<std::string, std::string> keywords;  // libpq's: host, port, dbname, user, replication …; as they are
    Secret password;
    Secret key_password;  // libpq's sslpassword: of the client certificate's key
    HostIs host_is = HostIs::anything;
};

// For a role at "host:port" ("[::1]:5432" and a bare host too); `more` are libpq's keywords, as sslmode. The address
// may come from etcd or a REST answer: what is not the address of one server is refused when it is opened.
ConnectionParameters at_address(const std::string& address, const std::string& user, const Secret& password,
                                const std::string& database, const std::map<std::string, std::string>& more = {});

// Errc::configuration unless `host` is the name or the address of one server, and `port` a number. libpq takes a path
// or '@' for a socket, and commas for several servers: each of them would be told the password.
Status require_one_server(const std::string& host, const std::string& port);

// Errc::configuration if PGHOSTADDR, or the service that PGSERVICE names, has an address: libpq prefers it to any host
// that it is given, a socket's directory included, and no keyword takes it back.
Status require_no_address_in_environment();

// Options that shield our sessions from what ALTER DATABASE/ROLE … SET have left in the clone, and from its triggers
// (session_replication_role: replica; event triggers too, but those that are ENABLE ALWAYS or REPLICA before 17). In
// the startup packet: a library, or since 17 a login trigger, acts before any statement.
std::string shielding_options(int server_major_version);

// Options of a session that runs the user's own SQL on a clone: nothing that production's ALTER … SET or a preloaded
// library would change about it, all rows in sight, its rights its own, nothing of it in the server's log, messages in
// English. Triggers and foreign keys are in force and the database's own search_path holds; event triggers are off
// where a session can do without them (17). A client that dies takes its statement along (14).
std::string masking_options(int server_major_version);

class Connection {
  public:
    // Errc::connection with libpq's message. connect_timeout is 10 s unless given; texts are UTF-8 in both directions.
    // No value is expanded: a database may be called "host=x dbname=y".
    static Result<Connection> open(const ConnectionParameters& parameters);
    // Whether a server refuses this login for nothing but the number of connections that it has (SQLSTATE 53300), which
    // libpq says in the server's language alone. Tries it once more, for a few seconds at most.
    static bool is_refused_as_full(const ConnectionParameters& parameters);
    // With shielding_options() from the first packet on. Where the server's version is not known beforehand, the
    // options of 17 are tried first: a server before it refuses them by name, and has no login triggers.
    static Result<Connection> open_shielded(const ConnectionParameters& parameters,
                                            std::optional<int> server_major_version = std::nullopt);

    // Errc::database with the server's message and SQLSTATE; the statement's text is never part of it.
    Result<Rows> query(const std::string& sql, const std::vector<std::optional<std::string>>& values = {});
    Status execute(const std::string& sql, const std::vector<std::optional<std::string>>& values = {});
    // Several statements in one string, no parameters; also for replication commands.
    Result<Rows> command(const std::string& sql);
    // On a replication connection: the tablespaces of a base backup, oid and location, as the server says them before
    // the first byte of one. The backup is begun for it (a checkpoint), and given up when the connection closes, for
    // which alone it is good afterwards.
    Result<Rows> tablespaces_of_base_backup();
    // The first column of the one row that the query has to give; NULL is "".
    Result<std::string> value(const std::string& sql, const std::vector<std::optional<std::string>>& values = {});
    // The first column of every row.
    Result<std::vector<std::string>> column(const std::string& sql,
                                            const std::vector<std::optional<std::string>>& values = {});

    // Each statement of this session ends with SQLSTATE 57014 when it takes longer; at least a millisecond.
    Status limit_statements(std::chrono::milliseconds limit);

    std::string quote_identifier(std::string_view name);
    std::string quote_literal(std::string_view text);
    // A SCRAM-SHA-256 verifier, computed on this side: the password itself never travels.
    Result<std::string> make_verifier(const std::string& role, const Secret& password);
    int server_major_version() const;

  private:
    struct Close {
        void operator()(pg_conn* connection) const;
    };
    explicit Connection(pg_conn* connection) : connection_(connection) {}
    std::unique_ptr<pg_conn, Close> connection_;
};

}  // namespace polygon::postgres
