// polygon-rebuild: what an operator does to a whole polygon.
#include <CLI/CLI.hpp>
#include <unistd.h>

#include "bootstrap/rebuild/reset.h"
#include "bootstrap/rebuild/verify.h"
#include "common/cli/application.h"
#include "common/cli/configuration_source.h"

int main(int argc, char** argv) {
    using namespace polygon;
    cli::Application application("polygon-rebuild",
                                 "Prepares the rebuild of a polygon from production's backup, and verifies its result.",
                                 "It needs the configuration of any one node of the polygon.\n");
    application.accept_overrides();
    CLI::App& parser = application.parser();
    parser.require_subcommand(1);

    rebuild::ResetRequest reset;
    CLI::App* reset_command = parser.add_subcommand(
        "reset", "Clears the cluster's state in etcd, with every node stopped, and names the member to lead next");
    reset_command->add_option("--leader", reset.leader, "the member that restores the backup")->required();
    reset_command->add_flag("--dry-run", reset.is_dry_run, "print what would be done, and do nothing");
    reset_command->add_flag("--new-member", reset.is_new_member,
                            "the leader may be a node that the cluster has not had yet");

    rebuild::VerifyRequest verify;
    CLI::App* verify_command = parser.add_subcommand("verify", "Proves that the running polygon is what it has to be");
    verify_command->add_flag("--json", verify.is_json, "print the certificate as JSON instead of a table");

    return application.run(argc, argv, [&]() -> Result<int> {
        const cli::ConfigurationSource source = cli::find_configuration(application.common().config, getppid());
        reset.sources = verify.sources = {source.path, source.environment};
        reset.overrides = application.common().overrides;
        if (reset_command->parsed()) TRY(rebuild::reset(reset, system_clock()));
        if (verify_command->parsed()) TRY(rebuild::verify(verify, system_clock()));
        return 0;
    });
}
