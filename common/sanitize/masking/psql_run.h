// One file of SQL in one database: a psql that runs it in one transaction, and what became of it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/fs/fd.h"
#include "common/fs/temporary_file.h"
#include "common/postgres/binaries.h"
#include "common/process/child.h"
#include "common/sanitize/databases.h"
#include "common/sanitize/masking/psql_report.h"
#include "common/sanitize/masking/sql_files.h"
#include "common/sanitize/old_rows.h"

namespace polygon::sanitize {

// Whose session psql opens.
struct PsqlSession {
    postgres::Binaries binaries;
    std::map<std::string, std::string> address;  // libpq's keywords, host, port, user …: seen in psql's argv
    process::Environment environment;  // over ours without PG*: PGPASSWORD or PGPASSFILE where the server wants one
    process::Isolation isolation = process::Isolation::none;  // of psql itself, whose files may have it run programs
};

// What psql's sessions call themselves, for pg_stat_activity.
std::string psql_application_name();

// psql without its rc files, on a session of postgres::masking_options(): a failing statement ends it, whatever is
// selected or printed goes nowhere, what the file means by a letter is UTF-8. One that was not told to end is killed
// when this object goes, with all that the file has started, and if this process dies. (psql 13 and 14 commit what a
// file did before an error of psql's own.)
class PsqlRun {
  public:
    // Errc::process_failed if psql cannot be started.
    static Result<PsqlRun> start(const PsqlSession& session, const SqlFile& file, const Database& database);

    const SqlFile& file() const { return file_; }

    // None while it runs. Errc::database for a statement that failed and for a file that ended its transaction,
    // Errc::connection if there is no server (any more).
    std::optional<Status> poll();

    // What the file has changed, once it has succeeded.
    Result<ChangedTables> changed_tables() const;

  private:
    PsqlRun(SqlFile file, std::string database, fs::Fd errors, fs::TemporaryFile changed, process::Child child)
        : file_(std::move(file)),
          database_(std::move(database)),
          errors_(std::move(errors)),
          changed_(std::move(changed)),
          child_(std::move(child)) {}

    SqlFile file_;
    std::string database_;
    fs::Fd errors_;  // of memory: what a row held is not to be on a disk
    fs::TemporaryFile changed_;
    process::Child child_;
};

// The error of a psql that ended with `status` and wrote `err`; success if it did what the file says. A file may have
// made psql go on after an error, in words that are not those of parse_psql_error(): what is no notice is one.
Status judge_psql(const SqlFile& file, const std::string& database, int status, std::string_view err);

// That psql is there. Errc::process_failed with what to install.
Status require_psql(const postgres::Binaries& binaries, Clock& clock);

}  // namespace polygon::sanitize
