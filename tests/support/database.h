// A connection of the stand to one of its PostgreSQL servers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <libpq-fe.h>

#include "common/base/result.h"

namespace polygon::support {

struct Login {
    std::string user;
    std::string password;
};

enum class Protocol { queries, replication };

struct Address {
    int port = 0;
    std::string database = "postgres";
    Protocol protocol = Protocol::queries;
};

using Row = std::vector<std::string>;

class Database {
  public:
    // On 127.0.0.1 with this password and no other. Errc::connection with libpq's own words.
    static Result<Database> connect(const Address& address, const Login& login);

    // One statement, or several without parameters; NULL is an empty string. Errc::database with the server's words.
    Result<std::vector<Row>> rows(const std::string& statement, const std::vector<std::string>& parameters = {});
    // The only column of the only row.
    Result<std::string> value(const std::string& statement, const std::vector<std::string>& parameters = {});
    Status run(const std::string& statement);
    // Creates the role if it is not there. The password travels as a SCRAM verifier.
    Status set_login(const Login& login);

  private:
    explicit Database(PGconn* connection) : connection_(connection, PQfinish) {}
    std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

}  // namespace polygon::support
