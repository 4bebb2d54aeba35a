#include "common/base/error.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace polygon {
namespace {

constexpr std::array kTable = {
    ErrorRow{Errc::internal, 1, "internal", "a defect of this program"},
    ErrorRow{Errc::usage, 2, "usage", "wrong command line"},
    ErrorRow{Errc::configuration, 3, "configuration", "the configuration is missing, misspelt or contradicts itself"},
    ErrorRow{Errc::unsupported, 4, "unsupported", "asked for something this version cannot do"},
    ErrorRow{Errc::backup_missing, 10, "backup-missing", "no backup where one is configured"},
    ErrorRow{Errc::backup_incomplete, 11, "backup-incomplete", "the backup lacks files that its manifest names"},
    ErrorRow{Errc::backup_corrupt, 12, "backup-corrupt", "the backup is not what its checksums say"},
    ErrorRow{Errc::version_mismatch, 13, "version-mismatch", "the backup is of another PostgreSQL version or build"},
    ErrorRow{Errc::data_directory_occupied, 14, "data-directory-occupied", "the data directory is not empty"},
    ErrorRow{Errc::data_directory_invalid, 15, "data-directory-invalid",
             "not a data directory, or its control file does not check"},
    ErrorRow{Errc::secret_unreadable, 20, "secret-unreadable", "a password file or variable cannot be read"},
    ErrorRow{Errc::role_missing, 21, "role-missing", "a role that the configuration names does not exist"},
    ErrorRow{Errc::database, 22, "database", "PostgreSQL refused a statement"},
    ErrorRow{Errc::connection, 23, "connection", "PostgreSQL cannot be reached"},
    ErrorRow{Errc::etcd_unavailable, 30, "etcd-unavailable", "etcd does not answer, or refuses"},
    ErrorRow{Errc::scope_unknown, 31, "scope-unknown", "etcd holds nothing of this cluster"},
    ErrorRow{Errc::cluster_alive, 32, "cluster-alive", "refused: a leader or a live member exists"},
    ErrorRow{Errc::conflict, 33, "conflict", "the state changed underneath; nothing was done"},
    ErrorRow{Errc::http_unavailable, 34, "http-unavailable", "an HTTP server does not answer"},
    ErrorRow{Errc::rest_refused, 35, "rest-refused", "Patroni's REST interface refused a request"},
    ErrorRow{Errc::io, 40, "io", "a file or directory operation failed"},
    ErrorRow{Errc::process_failed, 41, "process-failed", "a program that was run failed"},
    ErrorRow{Errc::timeout, 42, "timeout", "a deadline passed"},
    ErrorRow{Errc::no_space, 43, "no-space", "a file system has too little room"},
    ErrorRow{Errc::not_proven, 50, "not-proven", "the result is not what it has to be"},
    ErrorRow{Errc::target_unreached, 51, "target-unreached", "recovery did not get to where it was to stop"},
    ErrorRow{Errc::nothing_to_do, 60, "nothing-to-do", "the polygon carries the newest backup already"},
    ErrorRow{Errc::refused, 61, "refused", "the rebuild was not begun; nothing has changed"},
    ErrorRow{Errc::rolled_back, 62, "rolled-back", "the rebuild failed, and the polygon before it is back"},
    ErrorRow{Errc::needs_person, 63, "needs-a-person", "the rebuild is stuck; resume or rollback go on from there"},
};

}  // namespace

std::span<const ErrorRow> error_table() {
    return kTable;
}

const ErrorRow& describe(Errc code) {
    for (const ErrorRow& row : kTable) {
        if (row.code == code) return row;
    }
    return kTable.front();
}

int exit_status(Errc code) {
    return describe(code).exit_status;
}

Error in_context(Error error, std::string_view context) {
    error.message = fmt::format("{}: {}", context, error.message);
    return error;
}

Error errno_error(Errc code, std::string_view what, int errno_value, std::string hint) {
    const bool is_full = errno_value == ENOSPC || errno_value == EDQUOT;
    if (is_full && hint.empty()) hint = "Make room on that file system and repeat.";
    return {.code = code,
            .message = fmt::format("{}: {}", what, std::generic_category().message(errno_value)),
            .hint = std::move(hint)};
}

}  // namespace polygon
