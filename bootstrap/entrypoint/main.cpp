// polygon-entrypoint: guards the data directory, then runs Patroni and stays its parent.
#include <CLI/CLI.hpp>

#include "bootstrap/entrypoint/entrypoint.h"
#include "common/cli/application.h"

int main(int argc, char** argv) {
    using namespace polygon;
    cli::Application application(
        "polygon-entrypoint",
        "Starts Patroni once the data directory and the cluster's state allow it, as PID 1 of a container or under\n"
        "systemd: polygon-entrypoint -- patroni /etc/patroni/patroni.yml",
        "It forwards signals, reaps children and ends with Patroni's own exit status. In a rebuild it is the node's\n"
        "agent: it follows polygon-rebuild through etcd, runs polygon-bootstrap, stops and starts Patroni. Under\n"
        "systemd's Type=notify it is ready as soon as it supervises, and its status is its last decision.\n");
    entrypoint::Request request;
    application.parser()
        .add_option("command", request.command, "patroni and its arguments, after --")
        ->required()
        ->type_size(1)
        ->expected(-1);
    application.parser().positionals_at_end();
    return application.run(argc, argv, [&]() -> Result<int> {
        request.configuration = application.common().config;
        return entrypoint::run(request, system_clock());
    });
}
