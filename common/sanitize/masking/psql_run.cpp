#include "common/sanitize/masking/psql_run.h"

#include <cerrno>
#include <sstream>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/fs/file.h"
#include "common/postgres/connection.h"
#include "common/postgres/conninfo.h"

namespace polygon::sanitize {
namespace {

using namespace std::chrono_literals;

constexpr int kStatusOfLostConnection = 2;  // EXIT_BADCONN, PostgreSQL src/bin/psql/settings.h

// A lock that only the end of its transaction gives back shows whether the file has ended it: with COMMIT AND CHAIN or
// COMMIT and BEGIN no warning of PostgreSQL's would. Where it is gone the division fails.
constexpr const char* kBegin = "SELECT pg_catalog.pg_advisory_xact_lock(1886152041, 1835103083)";
constexpr const char* kMark = "polygon_one_transaction";
constexpr const char* kEnd =
    "SELECT 1 / pg_catalog.count(*) AS polygon_one_transaction FROM pg_catalog.pg_locks WHERE locktype = 'advisory' "
    "AND classid = 1886152041 AND objid = 1835103083 AND objsubid = 2 AND pid = pg_catalog.pg_backend_pid()";

// The file may have changed how psql shows rows, but not how \copy writes them. Quotes in psql's own words are doubled.
std::string report_changed(const fs::Path& to) {
    std::string path;
    for (const char c : to.string())
        path += c == '\'' ? "''" : std::string(1, c);
    return fmt::format("\\copy ({}) TO '{}'", changed_tables_query(), path);
}

process::Command psql_command(const PsqlSession& session, const SqlFile& file, const std::string& database,
                              const fs::Path& changed) {
    postgres::Conninfo conninfo{.keywords = session.address};
    conninfo.keywords["dbname"] = database;
    conninfo.keywords["client_encoding"] = "UTF8";
    conninfo.keywords["application_name"] = psql_application_name();
    process::Environment environment = postgres::clean_environment();
    environment.erase("PGTZ");  // the database's own time zone, as its own search_path
    for (const auto& [name, value] : session.environment)
        environment[name] = value;
    environment["PGOPTIONS"] = postgres::masking_options(session.binaries.major_version);
    // No rc file, no talk, no prompt for a password, and the statement that fails is told.
    return {.argv = {session.binaries.program("psql"), "-Xqwb", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose",
                     "--single-transaction", "-o", "/dev/null", "-d", conninfo.text(), "-c", kBegin, "-f",
                     file.path.string(), "-c", kEnd, "-c", report_changed(changed)},
            .environment = std::move(environment),
            .output_file = "/dev/null",
            .reach = process::Reach::group,
            .isolation = session.isolation};
}

std::string descriptor_path(const fs::Fd& file) {
    return fmt::format("/proc/self/fd/{}", file.get());
}

std::string describe_place(const SqlFile& file, const PsqlError& error) {
    if (error.line == 0) return fmt::format("'{}'", file.name());
    if (error.file == file.path) return fmt::format("'{}' line {}", file.name(), error.line);
    return fmt::format("'{}' line {}, included by '{}',", error.file, error.line, file.name());
}

std::string describe_error(const PsqlError& error) {
    std::string text = error.sqlstate.empty() ? "psql says: " : fmt::format("SQLSTATE {}: ", error.sqlstate);
    text += error.message;
    if (!error.statement.empty()) text += "; statement: " + error.statement;
    return text;
}

// The text is not told: it may hold values of rows.
Error not_understood(const SqlFile& file, const std::string& database, int status) {
    return {
        Errc::database,
        fmt::format("masking failed: psql ended with status {} on '{}' in database '{}' and wrote to stderr what is "
                    "no notice of the server's",
                    status, file.name(), database),
        "Take SET lc_messages and \\warn out of the file, and let programs that it runs write to no stderr."};
}

}  // namespace

std::string psql_application_name() {
    return fmt::format("pg-polygon masking {}", getpid());
}

Status judge_psql(const SqlFile& file, const std::string& database, int status, std::string_view err) {
    const std::optional<PsqlError> error = parse_psql_error(err);
    if (!error && !says_only_notes(err)) return not_understood(file, database, status);
    if (!error && status == 0) return {};
    if (!error) {
        return Error{Errc::database,
                     fmt::format("masking failed: psql ended with status {} on '{}' in database '{}' and said nothing",
                                 status, file.name(), database),
                     "A status over 128 is a signal's: the kernel's, where memory ran out."};
    }
    if (error->line == 0 && error->statement.find(kMark) != std::string::npos) {
        return Error{Errc::database,
                     fmt::format("masking failed: '{}' in database '{}' ends the transaction that it is run in",
                                 file.name(), database),
                     "Take COMMIT, ROLLBACK, PREPARE TRANSACTION and \\connect out of it: a file is one transaction."};
    }
    const bool is_lost = status == kStatusOfLostConnection;
    const bool is_commit = !is_lost && error->line == 0 && !error->sqlstate.empty();
    return Error{is_lost ? Errc::connection : Errc::database,
                 fmt::format("masking failed: {}{} in database '{}': {}{}", describe_place(file, *error),
                             is_commit ? " at its COMMIT" : "", database,
                             is_lost ? "no connection to the server, or it was lost: " : "", describe_error(*error)),
                 is_lost ? "The server's own log may say why."
                         : "Correct the file, a line is where its statement ends; repeat."};
}

Result<PsqlRun> PsqlRun::start(const PsqlSession& session, const SqlFile& file, const Database& database) {
    fs::Fd errors(memfd_create("psql", MFD_CLOEXEC));
    if (!errors.is_open()) return errno_error(Errc::io, "cannot make a file in memory", errno);
    fs::TemporaryFile changed = TRY(fs::TemporaryFile::make("polygon-masking"));
    process::Command command = psql_command(session, file, database.bytes, changed.path());
    command.error_file = descriptor_path(errors);
    process::Child child = TRY(in_context(process::Child::start(command),
                                          fmt::format("cannot run '{}' in database '{}'", file.name(), database.name)));
    return PsqlRun(file, database.name, std::move(errors), std::move(changed), std::move(child));
}

std::optional<Status> PsqlRun::poll() {
    const std::optional<int> status = child_.poll();
    if (!status) return std::nullopt;
    const Result<std::string> err = fs::read_file(descriptor_path(errors_));
    if (!err) return Status(err.error());
    return judge_psql(file_, database_, *status, *err);
}

// Lines of an OID and "t" or "f".
Result<ChangedTables> PsqlRun::changed_tables() const {
    ChangedTables tables;
    std::istringstream lines(TRY(fs::read_file(changed_.path())));
    std::string oid;
    std::string has_old_rows;
    while (lines >> oid >> has_old_rows)
        add_changed(tables, oid, has_old_rows == "t");
    return tables;
}

Status require_psql(const postgres::Binaries& binaries, Clock& clock) {
    const std::string program = binaries.program("psql");
    Result<process::Finished> asked =
        process::run_checked({.argv = {program, "--version"}}, clock, Deadline(clock, 20s));
    if (asked) return {};
    return Error{Errc::process_failed, "polygon.sql needs psql: " + asked.error().message,
                 fmt::format("Install it (Debian's package postgresql-client-{}).", binaries.major_version)};
}

}  // namespace polygon::sanitize
