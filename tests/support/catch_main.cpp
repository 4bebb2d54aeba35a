#if POLYGON_CATCH2_MAJOR == 2
#define CATCH_CONFIG_MAIN
#endif
#include "tests/support/catch.h"
