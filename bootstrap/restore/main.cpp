// polygon-bootstrap: a base backup of production becomes a data directory that Patroni may start.
#include "bootstrap/restore/command_line.h"

int main(int argc, char** argv) {
    return polygon::bootstrap::CommandLine().run(argc, argv);
}
