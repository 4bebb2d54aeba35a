// polygon-role-change: a new leader of the polygon sees to it that every other member streams from it.
#include <CLI/CLI.hpp>
#include <unistd.h>

#include "callbacks/role_change/role_change.h"
#include "common/cli/application.h"
#include "common/cli/configuration_source.h"

int main(int argc, char** argv) {
    using namespace polygon;
    cli::Application application(
        "polygon-role-change",
        "On a leader of the polygon: asks each member that carries another generation than it to reinitialise.\n"
        "Patroni calls it as callbacks.on_start and callbacks.on_role_change.",
        "On a replica, and where the data directory has no polygon.json (production has none), it does nothing.\n");
    role_change::Request request;
    int deadline_seconds = 600;
    application.parser().add_option("action", request.action, "on_start or on_role_change")->required();
    application.parser().add_option("role", request.role, "primary (or master) for a leader")->required();
    application.parser().add_option("scope", request.scope, "the cluster's name")->required();
    application.parser()
        .add_option("--deadline", deadline_seconds, "seconds after which it gives up (600)")
        ->check(CLI::Range(1, 86400));
    return application.run(argc, argv, [&]() -> Result<int> {
        request.source = cli::find_configuration(application.common().config, getppid());
        request.deadline = std::chrono::seconds(deadline_seconds);
        TRY(role_change::run(request, system_clock()));
        return 0;
    });
}
