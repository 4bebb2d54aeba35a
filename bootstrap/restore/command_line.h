// The options of polygon-bootstrap and its subcommands. Without a subcommand it is Patroni that calls.
#pragma once

#include "bootstrap/restore/bootstrap.h"
#include "bootstrap/restore/commands/check_command.h"
#include "bootstrap/restore/commands/plan_report.h"
#include "bootstrap/restore/commands/restore_command.h"
#include "common/base/result.h"
#include "common/cli/application.h"

namespace polygon::bootstrap {

class CommandLine {
  public:
    CommandLine();

    // Parses, does what is asked for, and gives the exit status.
    int run(int argc, char** argv);

  private:
    void add_bootstrap_options();
    void add_restore();
    void add_check();
    void add_plan();
    Result<int> dispatch();
    Request complete_request() const;

    cli::Application application_;
    Request request_;
    RestoreCommand restore_;
    CheckCommand check_;
    PlanFormat plan_format_ = PlanFormat::table;
};

}  // namespace polygon::bootstrap
