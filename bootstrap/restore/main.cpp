// polygon-bootstrap: a base backup of production becomes a data directory that Patroni may start.
#include <CLI/CLI.hpp>
#include <unistd.h>

#include "bootstrap/restore/bootstrap.h"
#include "common/cli/application.h"
#include "common/cli/configuration_source.h"

int main(int argc, char** argv) {
    using namespace polygon;
    cli::Application application(
        "polygon-bootstrap",
        "Restores production's base backup into Patroni's data directory: verified while written, recovered and\n"
        "sanitised where nobody can reach it, with roles and a system identifier of the polygon's own.\n"
        "Patroni calls it as bootstrap.method and adds --scope and --datadir.",
        "The backup and what is done to it stand in the polygon section of Patroni's configuration.\n"
        "As a method of create_replica_methods it declines, so that Patroni goes on to the next one.\n");
    application.accept_overrides();
    bootstrap::Request request;
    application.parser().add_option("--scope", request.scope, "the cluster's name; has to be the configuration's");
    application.parser().add_option("--datadir", request.data_directory, "absent or empty; else the configuration's");
    application.parser().add_option("--role", request.role, "replica: called as a replica method");
    application.parser().add_option("--connstring", request.connection_string, "given by Patroni to replica methods");
    application.parser().add_option("--no_leader", request.ignored, "given by Patroni to replica methods");
    application.parser().add_option("--keep_data", request.ignored, "given by Patroni to replica methods");
    return application.run(argc, argv, [&]() -> Result<int> {
        request.source = cli::find_configuration(application.common().config, getppid());
        request.overrides = application.common().overrides;
        TRY(bootstrap::run(request, system_clock()));
        return 0;
    });
}
