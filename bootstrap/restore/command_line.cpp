#include "bootstrap/restore/command_line.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "bootstrap/restore/staging/copy.h"
#include "bootstrap/restore/staging/discard.h"
#include "bootstrap/restore/staging/serve.h"
#include "bootstrap/restore/staging/stage.h"

namespace polygon::bootstrap {
namespace {

constexpr const char* kSource =
    "a base backup, or a folder of them: the newest complete one.\n"
    "An incremental one needs those that it continues beside it";
constexpr const char* kStatusFile = "progress as JSON, replaced as a whole, twice a second at most";
constexpr const char* kWalElsewhere =
    "the backup holds no WAL (pg_basebackup -X none): recovery gets it from an archive";
constexpr const char* kWithoutManifest =
    "take a backup without backup_manifest (pg_basebackup --no-manifest), of which nothing can be verified but its "
    "archives";

// What a backup may lack.
void add_leniency(CLI::App& command, backup::Wal& wal, backup::MissingManifest& missing) {
    command.add_flag_callback(
        "--wal-elsewhere", [&wal] { wal = backup::Wal::elsewhere; }, kWalElsewhere);
    command.add_flag_callback(
        "--without-manifest", [&missing] { missing = backup::MissingManifest::accepted; }, kWithoutManifest);
}

}  // namespace

CommandLine::CommandLine()
    : application_("polygon-bootstrap",
                   "Restores production's base backup into Patroni's data directory: verified while written, recovered "
                   "and\nsanitised where nobody can reach it, with roles and a system identifier of the polygon's "
                   "own.\nPatroni calls it as bootstrap.method and adds --scope and --datadir.",
                   "The backup and what is done to it stand in the polygon section of Patroni's configuration.\n"
                   "As a method of create_replica_methods it declines, so that Patroni goes on to the next one.\n") {
    application_.accept_overrides();
    application_.parser().require_subcommand(0, 1);
    add_bootstrap_options();
    add_restore();
    add_check();
    add_plan();
    add_stage();
    add_serve();
    add_copy();
    add_discard();
    add_prove();
}

void CommandLine::add_bootstrap_options() {
    CLI::App& parser = application_.parser();
    parser.add_option("--scope", request_.scope, "the cluster's name; has to be the configuration's");
    parser.add_option("--datadir", request_.data_directory, "absent or empty; else the configuration's");
    parser.add_option("--role", request_.role, "replica: called as a replica method");
    parser.add_option("--status-file", request_.status_file, kStatusFile);
    for (const char* option : {"--connstring", "--no_leader", "--keep_data"})
        parser.add_option(option, request_.ignored, "given by Patroni to replica methods");
}

void CommandLine::add_restore() {
    CLI::App& command = application_.add_command(
        "restore", "Restores a base backup and verifies it while it is written; nothing else is done to it",
        "Everything is restored as it is in the backup, production's configuration included: start the result where\n"
        "it can do no harm. Files become 0600, directories 0700. Status 0 means that every byte is as backup_manifest\n"
        "says. On any other end DATADIR and the places of tablespaces are as they were found; SIGINT and SIGTERM end "
        "it\nwith 128 + their number. What a kill -9 leaves has no global/pg_control and cannot be started;\n"
        "a repeat knows it by its polygon-restore.incomplete and removes it.\n");
    command.add_option("SOURCE", restore_.source, kSource)->required();
    command.add_option("DATADIR", restore_.data_directory, "absent or empty; made with its parents")->required();
    command
        .add_option("--tablespace", restore_.tablespaces,
                    "OLD=NEW, once for each tablespace of the backup: where it was, and where it goes")
        ->allow_extra_args(false);
    command.add_option(
        "--bin-dir", restore_.bin_dir,
        "where pg_waldump is, to read the backup's WAL record by record, and pg_combinebackup, which an\n"
        "incremental backup needs; else they are looked for");
    command.add_option("--status-file", restore_.status_file, kStatusFile);
    add_leniency(command, restore_.wal, restore_.missing_manifest);
}

void CommandLine::add_check() {
    CLI::App& command = application_.add_command(
        "check", "Verifies a base backup and writes nothing",
        "Every file's size and checksum is compared with backup_manifest; each problem is a line on stderr. Status 0\n"
        "means that there is none, and one line on stdout says what the backup is.\n");
    command.add_option("SOURCE", check_.source, kSource)->required();
    command.add_option("--bin-dir", check_.bin_dir,
                       "where pg_waldump is, to read a plain backup's WAL record by record; else it is looked for");
    command.add_option("--status-file", check_.status_file, kStatusFile);
    add_leniency(command, check_.wal, check_.missing_manifest);
}

void CommandLine::add_plan() {
    CLI::App& command = application_.add_command(
        "plan", "Says what a bootstrap with this configuration would do, and does nothing",
        "Backup, places, space per file system, roles and what is cut off, as a table on stdout. Status 0 means that\n"
        "nothing stands in the way. It takes the configuration, --set, --scope and --datadir as a bootstrap does.\n");
    command.add_flag_callback(
        "--json", [this] { plan_format_ = PlanFormat::json; }, "print JSON instead of a table");
}

void CommandLine::add_stage() {
    CLI::App& command = application_.add_command(
        "stage", "In a rebuild's phase 'stage': makes the clone beside the polygon that runs, or room for it",
        "Called by polygon-entrypoint. The planned leader restores exactly the planned backup, quarantines and seals "
        "it;\n"
        "the others remove what an earlier rebuild left. The data directory is not touched. In a rebuild in place the\n"
        "backup is verified instead. Status 0 means that this node may go on; a repeat keeps a clone that is whole.\n");
    command.add_option("--status-file", request_.status_file, kStatusFile);
}

void CommandLine::add_serve() {
    CLI::App& command = application_.add_command(
        "serve", "In a rebuild's phase 'copy', on its leader: lets replicas copy the staged clone, until SIGTERM",
        "Called by polygon-entrypoint. The status file says the 'address'. Nothing but the replication protocol is "
        "open,\n"
        "to a role that exists only meanwhile and whose password each node derives. Status 0 means that the role is\n"
        "gone, the server shut down cleanly and the clone sealed again.\n");
    command.add_option("--status-file", request_.status_file, kStatusFile);
}

void CommandLine::add_copy() {
    CLI::App& command = application_.add_command(
        "copy", "In a rebuild's phase 'copy', on a replica: copies the leader's staged clone",
        "Called by polygon-entrypoint. Verified by its manifest as it arrives, replayed until it is consistent, "
        "sealed.\n"
        "Status 0 means that this node can follow the new leader at once; on any other end nothing stays.\n");
    command.add_option("--from", request_.from, "HOST:PORT that the leader's 'serve' says")->required();
    command.add_option("--status-file", request_.status_file, kStatusFile);
}

void CommandLine::add_discard() {
    CLI::App& command = application_.add_command(
        "discard", "Removes the staged clone of a rebuild that has ended",
        "Called by polygon-entrypoint. Refused while a rebuild that names this node may still need it. Status 0 means\n"
        "that it is gone.\n");
    command.add_flag_callback(
        "--previous", [this] { discarded_ = Discarded::staged_and_previous; },
        "what the rebuild set aside as well, unless it is the only data directory here");
    command.add_option("--status-file", request_.status_file, kStatusFile);
}

void CommandLine::add_prove() {
    CLI::App& command = application_.add_command(
        "prove", "Says as JSON what this node's own server is, whom it follows and whom it lets in",
        "Called by polygon-entrypoint, for polygon-rebuild's plan, run and verify. It connects as Patroni does on "
        "this\n"
        "node. Status 0 also where the server cannot be seen: then the JSON says why.\n");
    command.add_flag("--logins", wanted_.logins, "try the logins that the members need of each other");
    command.add_flag("--evidence", wanted_.evidence, "on the leader: collect the certificate's evidence");
    command.add_flag("--keep-certificate", wanted_.keeping, "on the leader: store the certificate that etcd has");
    command.add_flag("--rehearsal", wanted_.rehearsal,
                     "make every look of the evidence, and say whether it can be made");
}

// What is known only now: --config, --set, and who called.
Request CommandLine::complete_request() const {
    Request request = request_;
    request.source = cli::find_configuration(application_.common().config, getppid());
    request.overrides = application_.common().overrides;
    return request;
}

Result<int> CommandLine::dispatch() {
    const CLI::App& parser = application_.parser();
    if (parser.got_subcommand("restore")) return restore(restore_, system_clock());
    if (parser.got_subcommand("check")) return check(check_, system_clock());
    if (parser.got_subcommand("plan")) {
        TRY(show_plan(complete_request(), plan_format_, system_clock()));
        return 0;
    }
    if (parser.got_subcommand("prove")) {
        TRY(prove(complete_request(), wanted_, system_clock()));
        return 0;
    }
    if (!parser.get_subcommands().empty()) return dispatch_staging();
    TRY(bootstrap::run(complete_request(), system_clock()));
    return 0;
}

Result<int> CommandLine::dispatch_staging() {
    const CLI::App& parser = application_.parser();
    if (parser.got_subcommand("stage")) return stage(complete_request(), system_clock());
    if (parser.got_subcommand("serve")) TRY(serve(complete_request(), system_clock()));
    if (parser.got_subcommand("copy")) TRY(copy(complete_request(), system_clock()));
    if (parser.got_subcommand("discard")) TRY(discard(complete_request(), discarded_, system_clock()));
    return 0;
}

int CommandLine::run(int argc, char** argv) {
    return application_.run(argc, argv, [this] { return dispatch(); });
}

}  // namespace polygon::bootstrap
