// What this node says to a coordinator that asks before it begins: the report of `polygon-bootstrap plan --json`.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "bootstrap/entrypoint/agent/helper_run.h"
#include "common/etcd/rebuild_state.h"

namespace polygon::entrypoint {

class PreflightRun {
  public:
    PreflightRun(Supervisor& supervisor, std::string program, std::optional<std::filesystem::path> configuration)
        : supervisor_(supervisor), program_(std::move(program)), configuration_(std::move(configuration)) {}

    // `id` is the request's, empty when nobody asks any more. A new one is answered by a run of its own.
    void follow(const std::string& id);
    bool is_asked() const { return !id_.empty(); }
    // For the node's record; none while there is nothing to say.
    const std::optional<etcd::Preflight>& answer() const { return answer_; }

  private:
    void begin(const std::string& id);
    void poll();

    Supervisor& supervisor_;
    const std::string program_;
    const std::optional<std::filesystem::path> configuration_;
    std::string id_;
    std::optional<HelperRun> run_;
    std::optional<etcd::Preflight> answer_;
};

}  // namespace polygon::entrypoint
