// polygon-demo [--keep]; run by tests/demo.sh.
#include <csignal>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "common/base/log.h"
#include "tests/support/demo.h"
#include "tests/support/waiting.h"

int main(int argc, char** argv) {
    using namespace polygon;
    const bool keeps = argc == 2 && std::string_view(argv[1]) == "--keep";
    if (argc > 1 && !keeps) {
        fmt::print(stderr, "usage: polygon-demo [--keep]\n");
        return exit_status(Errc::usage);
    }
    configure_log("polygon-demo", LogLevel::info, LogFormat::text);
    support::watch_for_interrupt();
    const Status shown = support::run_demo(keeps ? support::AfterDemo::leave_running : support::AfterDemo::end_all);
    if (shown) return 0;
    if (support::is_interrupted()) {
        fmt::print(stderr, "interrupted; everything that was started has ended\n");
        return 128 + SIGINT;
    }
    log_error(shown.error());
    return exit_status(shown.error().code);
}
