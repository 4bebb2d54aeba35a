#include "tests/support/database.h"

#include <string_view>

#include <fmt/format.h>

namespace polygon::support {
namespace {

std::string trimmed(std::string_view text) {
    while (!text.empty() && text.back() == '\n')
        text.remove_suffix(1);
    return std::string(text);
}

std::vector<Row> to_rows(const PGresult* result) {
    std::vector<Row> rows;
    for (int row = 0; row < PQntuples(result); ++row) {
        Row& fields = rows.emplace_back();
        for (int column = 0; column < PQnfields(result); ++column)
            fields.emplace_back(PQgetvalue(result, row, column));
    }
    return rows;
}

}  // namespace

Result<Database> Database::connect(const Address& address, const Login& login) {
    const std::string port = std::to_string(address.port);
    const char* names[] = {"host",        "port",     "dbname",          "user",    "password",
                           "replication", "passfile", "connect_timeout", "sslmode", "application_name",
                           nullptr};
    const char* values[] = {"127.0.0.1",
                            port.c_str(),
                            address.database.c_str(),
                            login.user.c_str(),
                            login.password.c_str(),
                            address.protocol == Protocol::replication ? "true" : "false",
                            "/dev/null",
                            "10",
                            "disable",
                            "stand",
                            nullptr};
    Database database(PQconnectdbParams(names, values, 0));
    PQsetNoticeProcessor(
        database.connection_.get(), [](void*, const char*) {}, nullptr);
    if (PQstatus(database.connection_.get()) == CONNECTION_OK) return database;
    return Error{Errc::connection, trimmed(PQerrorMessage(database.connection_.get())), "", Retry::safe};
}

Result<std::vector<Row>> Database::rows(const std::string& statement, const std::vector<std::string>& parameters) {
    std::vector<const char*> values;
    for (const std::string& parameter : parameters)
        values.push_back(parameter.c_str());
    PGconn* connection = connection_.get();
    // The simple protocol where it is enough: a replication connection knows no other.
    PGresult* answer = parameters.empty() ? PQexec(connection, statement.c_str())
                                          : PQexecParams(connection, statement.c_str(), static_cast<int>(values.size()),
                                                         nullptr, values.data(), nullptr, nullptr, 0);
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(answer, PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return to_rows(result.get());
    return Error{Errc::database, fmt::format("{}: {}", statement, trimmed(PQerrorMessage(connection)))};
}

Result<std::string> Database::value(const std::string& statement, const std::vector<std::string>& parameters) {
    const std::vector<Row> answer = TRY(rows(statement, parameters));
    if (answer.size() == 1 && answer.front().size() == 1) return answer.front().front();
    return Error{Errc::database, fmt::format("{}: {} rows instead of one value", statement, answer.size())};
}

Status Database::run(const std::string& statement) {
    TRY(rows(statement));
    return {};
}

Status Database::set_login(const Login& login) {
    const std::string count = TRY(value("SELECT count(*) FROM pg_roles WHERE rolname = $1", {login.user}));
    const std::unique_ptr<char, void (*)(void*)> verifier(
        PQencryptPasswordConn(connection_.get(), login.password.c_str(), login.user.c_str(), "scram-sha-256"),
        PQfreemem);
    if (!verifier) return Error{Errc::database, trimmed(PQerrorMessage(connection_.get()))};
    const std::unique_ptr<char, void (*)(void*)> role(
        PQescapeIdentifier(connection_.get(), login.user.c_str(), login.user.size()), PQfreemem);
    return run(
        fmt::format("{} ROLE {} LOGIN PASSWORD '{}'", count == "0" ? "CREATE" : "ALTER", role.get(), verifier.get()));
}

}  // namespace polygon::support
