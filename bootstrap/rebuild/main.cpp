// polygon-rebuild: what an operator does to a whole polygon.
#include "bootstrap/rebuild/command_line.h"

int main(int argc, char** argv) {
    return polygon::rebuild::CommandLine().run(argc, argv);
}
