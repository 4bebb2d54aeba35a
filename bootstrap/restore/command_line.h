// The options of polygon-bootstrap and its subcommands. Without a subcommand it is Patroni that calls.
#pragma once

#include "bootstrap/restore/bootstrap.h"
#include "bootstrap/restore/commands/check_command.h"
#include "bootstrap/restore/commands/plan_report.h"
#include "bootstrap/restore/commands/restore_command.h"
#include "bootstrap/restore/orders.h"
#include "bootstrap/restore/proving/prove.h"
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
    void add_stage();
    void add_serve();
    void add_copy();
    void add_discard();
    void add_prove();
    Result<int> dispatch();
    // Those that an agent calls in the course of a rebuild.
    Result<int> dispatch_staging();
    Request complete_request() const;

    cli::Application application_;
    Request request_;
    RestoreCommand restore_;
    CheckCommand check_;
    PlanFormat plan_format_ = PlanFormat::table;
    Wanted wanted_;
    Discarded discarded_ = Discarded::staged;
};

}  // namespace polygon::bootstrap
