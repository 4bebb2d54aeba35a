#include "bootstrap/restore/recovery.h"

#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "common/process/child.h"
#include "common/process/environment.h"

namespace polygon::bootstrap {
namespace {

using namespace std::chrono_literals;

// src/backend/access/transam/xlogrecovery.c says these, and lc_messages is C in the quarantine.
constexpr std::string_view kUnreached = "recovery ended before configured recovery target was reached";
constexpr std::string_view kTooEarly = "requested recovery stop point is before consistent recovery point";
constexpr std::string_view kRedoDone = "redo done at ";
constexpr std::string_view kLastTransaction = "last completed transaction was at log time ";

constexpr const char* kEarlierBackup = "Choose a later target, or restore an older backup.";

// "recovery_target_time".
std::string parameter_of(const patroni::RecoveryTarget& target) {
    return "recovery_" + target.key();
}

// What follows the last `prefix`, up to `end` or the end of its line.
std::optional<std::string> find_after(const std::string& log, std::string_view prefix, std::string_view end) {
    const std::size_t at = log.rfind(prefix);
    if (at == std::string::npos) return std::nullopt;
    const std::string rest = log.substr(at + prefix.size(), log.find('\n', at) - at - prefix.size());
    return rest.substr(0, rest.find(end));
}

std::string describe_reached(const std::string& log) {
    std::string text;
    if (const auto lsn = find_after(log, kRedoDone, " ")) text += fmt::format("; the WAL ends at {}", *lsn);
    if (const auto time = find_after(log, kLastTransaction, "\n"))
        text += fmt::format("; its last transaction is of {}", *time);
    return text;
}

// The line of a log that has it, without its time and process.
std::string fatal_line(const std::string& text) {
    for (const std::string_view severity : {"FATAL:  ", "ERROR:  "}) {
        if (const auto line = find_after(text, severity, "\n")) return *line;
    }
    return text;
}

}  // namespace

postgres::ServerParameters recovery_parameters(const patroni::RecoverySettings& recovery) {
    // PostgreSQL insists on a command; this one has nothing to offer, where the WAL is in the backup.
    postgres::ServerParameters parameters = {{"restore_command", recovery.restore_command.value.value_or("false")},
                                             {"recovery_target_action", "promote"}};
    if (recovery.target) {
        parameters[parameter_of(*recovery.target)] = recovery.target->value;
        parameters["recovery_target_inclusive"] = recovery.target_inclusive.value ? "on" : "off";
    } else {
        parameters["recovery_target"] = "immediate";
    }
    if (recovery.target_timeline.value) parameters["recovery_target_timeline"] = *recovery.target_timeline.value;
    return parameters;
}

backup::Wal recovered_from(const patroni::RecoverySettings& recovery) {
    return recovery.restore_command.value ? backup::Wal::elsewhere : backup::Wal::in_backup;
}

std::string describe_target(const patroni::RecoverySettings& recovery) {
    if (!recovery.target) return "the end of the backup";
    return fmt::format("{} '{}' ({})", recovery.target->key(), recovery.target->value, recovery.target->origin);
}

// `postgres -C` reads the parameters, prints one and ends; it takes no lock and needs no cluster in its directory.
Status check_target(const patroni::RecoverySettings& recovery, const postgres::Binaries& binaries, Clock& clock) {
    if (!recovery.target) return {};
    const std::string parameter = parameter_of(*recovery.target);
    process::Environment environment = process::own_environment();
    environment["LC_ALL"] = "C";
    const process::Finished done = TRY(
        process::run({.argv = {binaries.program("postgres"), "-C", parameter, "-D", "/", "-c", "config_file=/dev/null",
                               "-c", fmt::format("{}={}", parameter, recovery.target->value)},
                      .environment = environment},
                     clock, Deadline(clock, 60s)));
    if (done.exit_status == 0) return {};
    return Error{Errc::configuration,
                 fmt::format("PostgreSQL does not take polygon.recovery.{}: {}", describe_target(recovery),
                             fatal_line(done.err)),
                 "Write it as PostgreSQL's recovery_target_* take it; a time as 2026-11-20 03:00:00+00."};
}

Status require_target_after(const std::string& backup_time, const patroni::RecoverySettings& recovery,
                            postgres::Connection& session) {
    const bool has_time = recovery.target && recovery.target->kind == patroni::RecoveryTarget::Kind::time;
    if (!has_time || backup_time.empty()) return {};
    const std::string is_after =
        TRY(session.value("SELECT $1::timestamptz >= $2::timestamptz", {recovery.target->value, backup_time}));
    if (is_after == "t") return {};
    return Error{
        Errc::target_unreached,
        fmt::format("{} lies before the backup, which was begun at {}", describe_target(recovery), backup_time),
        kEarlierBackup};
}

Error explain_failed_recovery(Error error, const std::string& log, const patroni::RecoverySettings& recovery) {
    if (log.find(kUnreached) != std::string::npos) {
        return {Errc::target_unreached,
                fmt::format("recovery did not reach {}{}", describe_target(recovery), describe_reached(log)),
                recovery.restore_command.value
                    ? "Choose an earlier target, or let recovery.restore_command find the WAL that leads to it."
                    : "The backup lacks WAL that it needs: take it with --wal-method=stream, or configure "
                      "recovery.restore_command."};
    }
    if (log.find(kTooEarly) != std::string::npos) {
        return {Errc::target_unreached, fmt::format("{} lies before the end of the backup", describe_target(recovery)),
                kEarlierBackup};
    }
    return error;
}

}  // namespace polygon::bootstrap
