#include "bootstrap/rebuild/command_line.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "bootstrap/rebuild/commands/way.h"
#include "common/cli/configuration_source.h"

namespace polygon::rebuild {
namespace {

constexpr int kLongestPatience = 7 * 24 * 3600;

}  // namespace

CommandLine::CommandLine()
    : application_("polygon-rebuild", "Rebuilds a polygon from production's backup, and verifies its result.",
                   "It needs the configuration of any one node of the polygon, and etcd; the nodes do the work, each\n"
                   "under polygon-entrypoint.\n") {
    application_.accept_overrides();
    application_.parser().require_subcommand(1);
    add_plan();
    add_run();
    add_status();
    add_ways();
    add_verify();
    add_history();
    add_reset();
}

// Of those that take a rebuild to its end.
void CommandLine::add_common(CLI::App& command) {
    command
        .add_option_function<int>(
            "--patience", [this](int seconds) { request_.patience = std::chrono::seconds(seconds); },
            "seconds without any progress after which it goes back, or gives up waiting for etcd (default 300)")
        ->check(CLI::Range(1, kLongestPatience));
    command.add_option("--metrics", request_.metrics, "a file that gets Prometheus metrics, replaced as a whole");
}

void CommandLine::add_choice(CLI::App& command) {
    command.add_option("--leader", run_.leader,
                       "the member that restores the backup and leads; else one that does not lead now");
    command.add_flag_callback(
        "--in-place", [this] { run_.mode = etcd::Mode::in_place; },
        "wipe the polygon before the backup is restored, for disks without room for both: there is no way back");
}

void CommandLine::add_plan() {
    CLI::App& command = application_.add_command(
        "plan", "Asks every node and says what a rebuild would do; nothing is changed",
        "Source, nodes, room, what is disarmed and how long the polygon would be down. Status 0 means that nothing\n"
        "stands in the way.\n");
    add_choice(command);
    command.add_flag_callback(
        "--json", [this] { run_.format = Format::json; }, "print JSON instead of a table");
}

void CommandLine::add_run() {
    CLI::App& command = application_.add_command(
        "run", "Rebuilds the polygon: staged beside the running one, swapped, verified, and put back if it fails",
        "The polygon serves while its clone is made, and is down for a rename and a start. Its old data and etcd's "
        "keys\n"
        "are kept until the new polygon is verified; any failure before puts them back (status 62). Ctrl-C asks "
        "whether\n"
        "to go on, to detach or to roll back. When it ends early otherwise, resume and rollback go on from there.\n");
    add_choice(command);
    command.add_flag_callback(
        "--if-newer", [this] { run_.newer = Newer::required; },
        "only if there is a newer backup than the polygon carries; else status 60");
    command.add_flag_callback(
        "--yes", [this] { run_.consent = Consent::given; }, "begin unasked; needed where no terminal is");
    add_common(command);
}

void CommandLine::add_status() {
    CLI::App& command = application_.add_command(
        "status", "Shows the polygon, its nodes, and the rebuild that is under way", "Nothing is changed.\n");
    command.add_flag_callback(
        "--watch", [this] { watch_ = Watch::until_the_end; }, "until the rebuild has ended");
    command.add_flag_callback(
        "--json", [this] { run_.format = Format::json; }, "print JSON instead of a table");
    command.add_option("--metrics", request_.metrics, "a file that gets Prometheus metrics, replaced as a whole");
}

void CommandLine::add_ways() {
    add_common(application_.add_command(
        "resume", "Goes on with a rebuild whose coordinator has ended, or that is stuck",
        "Forward or back, as it was. Nodes that had failed try again. Statuses are those of run.\n"));
    add_common(application_.add_command(
        "abort", "Ends a rebuild that has not stopped the polygon yet (phases stage and copy)",
        "The running coordinator is asked, if there is one. Later it is refused: rollback is for that.\n"));
    add_common(application_.add_command(
        "rollback", "Goes back to the polygon before, from any phase, as long as its data is kept",
        "Under staging.previous: keep also after the rebuild was done. The running coordinator is asked, if there is\n"
        "one. Status 0 means that the polygon is what it was.\n"));
}

void CommandLine::add_verify() {
    CLI::App& command =
        application_.add_command("verify", "Proves that the running polygon is what it has to be",
                                 "The certificate is printed, and kept in etcd and in table polygon.refresh.\n");
    command.add_flag("--json", verify_.is_json, "print the certificate as JSON instead of a table");
}

void CommandLine::add_history() {
    CLI::App& command = application_.add_command("history", "Lists the rebuilds that have ended, the last fifty",
                                                 "When, from which backup, and how long the polygon was down.\n");
    command.add_flag_callback(
        "--json", [this] { run_.format = Format::json; }, "print JSON instead of a table");
}

void CommandLine::add_reset() {
    CLI::App& command = application_.add_command(
        "reset", "Clears the cluster's state in etcd, with every node stopped, and names the member to lead next",
        "For a polygon that has no agents, or that nothing else helps: the nodes restore and clone when they are\n"
        "started. A rebuild that was under way is given up.\n");
    command.add_option("--leader", reset_.leader, "the member that restores the backup")->required();
    command.add_flag("--dry-run", reset_.is_dry_run, "print what would be done, and do nothing");
    command.add_flag("--new-member", reset_.is_new_member, "the leader may be a node that the cluster has not had yet");
}

// What is known only now: --config, --set, and who called.
void CommandLine::complete_requests() {
    const cli::ConfigurationSource source = cli::find_configuration(application_.common().config, getppid());
    request_.sources = reset_.sources = verify_.sources = {source.path, source.environment};
    request_.overrides = reset_.overrides = application_.common().overrides;
}

// The nodes read their own configuration: what is set here would count for nothing.
Status CommandLine::refuse_vain_overrides() {
    if (application_.parser().got_subcommand("reset")) return {};
    for (const auto& [key, value] : application_.common().overrides) {
        if (key == "replicas" || key == "staging.previous") continue;
        return Error{Errc::usage, fmt::format("--set {} has no effect here: set it on the nodes", key),
                     "Every node reads its own configuration; here only replicas and staging.previous count."};
    }
    return {};
}

Result<int> CommandLine::dispatch() {
    TRY(refuse_vain_overrides());
    complete_requests();
    Clock& clock = system_clock();
    const CLI::App& parser = application_.parser();
    if (parser.got_subcommand("run")) return rebuild::run(request_, run_, clock);
    if (parser.got_subcommand("resume")) return resume(request_, clock);
    if (parser.got_subcommand("abort")) return rebuild::abort(request_, clock);
    if (parser.got_subcommand("rollback")) return rollback(request_, clock);
    if (parser.got_subcommand("status")) return show_status(request_, run_.format, watch_, clock);
    if (parser.got_subcommand("plan")) return show_plan(request_, run_, clock);
    if (parser.got_subcommand("history")) TRY(show_history(request_, run_.format));
    if (parser.got_subcommand("verify")) TRY(verify(verify_, clock));
    if (parser.got_subcommand("reset")) TRY(reset(reset_, clock));
    return 0;
}

int CommandLine::run(int argc, char** argv) {
    return application_.run(argc, argv, [this] { return dispatch(); });
}

}  // namespace polygon::rebuild
