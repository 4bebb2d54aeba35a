#include "bootstrap/entrypoint/agent/preflight.h"

#include <fmt/format.h>

namespace polygon::entrypoint {

void PreflightRun::follow(const std::string& id) {
    poll();
    if (run_ && id != id_) {
        run_->end();  // nobody wants it any more; the next begins when it has ended
        return;
    }
    if (id == id_) return;
    answer_.reset();
    id_ = id;
    if (!id.empty()) begin(id);
}

void PreflightRun::begin(const std::string& id) {
    std::vector<std::string> argv = {program_, "plan", "--json"};
    if (configuration_) argv.insert(argv.end(), {"--config", configuration_->string()});
    Result<HelperRun> run = HelperRun::start(supervisor_, argv);
    if (run) {
        run_.emplace(std::move(*run));
    } else {
        answer_ = {.id = id, .error = run.error().message};
    }
}

void PreflightRun::poll() {
    if (!run_) return;
    const std::optional<int> exit_status = run_->poll();
    if (!exit_status) return;
    // Too little room is an error behind a whole report: in place, it may do all the same.
    answer_ = etcd::Preflight{.id = id_, .report = run_->output()};
    if (*exit_status != 0) {
        const std::string errors = run_->last_errors();
        answer_->error = errors.empty() ? fmt::format("{} plan ended with status {}", program_, *exit_status) : errors;
    }
    run_.reset();
}

}  // namespace polygon::entrypoint
