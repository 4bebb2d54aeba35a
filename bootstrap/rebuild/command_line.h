// The subcommands of polygon-rebuild and their options.
#pragma once

#include "bootstrap/rebuild/commands/reset.h"
#include "bootstrap/rebuild/commands/run.h"
#include "bootstrap/rebuild/commands/status.h"
#include "bootstrap/rebuild/commands/verify.h"
#include "common/base/result.h"
#include "common/cli/application.h"

namespace polygon::rebuild {

class CommandLine {
  public:
    CommandLine();

    // Parses, does what is asked for, and gives the exit status.
    int run(int argc, char** argv);

  private:
    void add_plan();
    void add_run();
    void add_status();
    void add_history();
    void add_ways();
    void add_verify();
    void add_reset();
    void add_common(CLI::App& command);
    void add_choice(CLI::App& command);
    Status refuse_vain_overrides();
    void complete_requests();
    Result<int> dispatch();

    cli::Application application_;
    Request request_;
    RunRequest run_;
    Watch watch_ = Watch::once;
    VerifyRequest verify_;
    ResetRequest reset_;
};

}  // namespace polygon::rebuild
