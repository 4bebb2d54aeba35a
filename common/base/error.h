// What went wrong, on which object, and what to do next. One table maps codes to exit statuses.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace polygon {

// Each code is a program's exit status of its own; see error_table().
enum class Errc {
    internal,
    usage,
    configuration,
    unsupported,
    backup_missing,
    backup_incomplete,
    backup_corrupt,
    version_mismatch,
    data_directory_occupied,
    data_directory_invalid,
    secret_unreadable,
    role_missing,
    database,
    connection,
    etcd_unavailable,
    scope_unknown,
    cluster_alive,
    conflict,
    http_unavailable,
    rest_refused,
    io,
    process_failed,
    timeout,
    no_space,
    not_proven,
    target_unreached,
    nothing_to_do,
    refused,
    rolled_back,
    needs_person,
};

// Whether the same call may succeed later without anybody changing anything.
enum class Retry { no, safe };

struct Error {
    Errc code = Errc::internal;
    std::string message;  // lowercase, no full stop: what was attempted, on which object, what was seen
    std::string hint;     // the next action, a sentence; may be empty
    Retry retry = Retry::no;
};

struct ErrorRow {
    Errc code;
    int exit_status;
    std::string_view name;
    std::string_view meaning;
};

// Every code, in order of exit status.
std::span<const ErrorRow> error_table();
const ErrorRow& describe(Errc code);
int exit_status(Errc code);

// The same error with what was being done before its message: "cannot set role 'app': …".
Error in_context(Error error, std::string_view context);

// An Error of `code` out of errno's value: "<what>: <strerror>". Where there is no room, the hint says so by itself.
Error errno_error(Errc code, std::string_view what, int errno_value, std::string hint = {});

}  // namespace polygon
