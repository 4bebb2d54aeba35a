// The helper program of a rebuild, polygon-bootstrap, as the agent's child: one at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/entrypoint/agent/helper_run.h"
#include "bootstrap/entrypoint/agent/seen.h"

namespace polygon::entrypoint {

struct HelperSettings {
    std::string program;
    std::optional<std::filesystem::path> configuration;  // what --config says; none: by the environment alone
    std::filesystem::path status_file;
};

// What its status file says; as far as it can be understood.
void read_status_file(const std::filesystem::path& path, HelperSeen& seen);

class Helper {
  public:
    // Removes the status file of an earlier process.
    Helper(Supervisor& supervisor, HelperSettings settings);
    Helper(const Helper&) = delete;
    Helper& operator=(const Helper&) = delete;
    ~Helper();

    // `arguments` begin with the subcommand. Not while one runs.
    Status start(HelperKind kind, const Attempt& attempt, std::vector<std::string> arguments);
    void end();
    // Looks how far it is.
    void poll();
    // The last one; none: there was none.
    const std::optional<HelperSeen>& seen() const { return seen_; }

  private:
    void note_end(int exit_status);

    Supervisor& supervisor_;
    HelperSettings settings_;
    std::optional<HelperRun> run_;
    std::optional<HelperSeen> seen_;
};

}  // namespace polygon::entrypoint
