// polygon-post-bootstrap: proves on the running leader what the quarantine promised, and stamps the generation.
#include <CLI/CLI.hpp>
#include <unistd.h>

#include "bootstrap/post_bootstrap/post_bootstrap.h"
#include "common/cli/application.h"
#include "common/cli/configuration_source.h"

int main(int argc, char** argv) {
    using namespace polygon;
    cli::Application application(
        "polygon-post-bootstrap",
        "Proves that the leader that Patroni has just bootstrapped is the polygon that polygon-bootstrap made, and\n"
        "stamps its generation in table polygon.refresh and in etcd. Patroni calls it as bootstrap.post_bootstrap.",
        "Any other status than 0 makes Patroni cancel the bootstrap.\n");
    post_bootstrap::Request request;
    application.parser()
        .add_option("conninfo", request.conninfo,
                    "the leader, as Patroni passes it; the password comes from PGPASSFILE")
        ->required();
    return application.run(argc, argv, [&]() -> Result<int> {
        request.source = cli::find_configuration(application.common().config, getppid());
        TRY(post_bootstrap::run(request, system_clock()));
        return 0;
    });
}
