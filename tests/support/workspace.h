// The directory that holds everything the stand makes: executables, configuration, data, logs.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/process/child.h"
#include "tests/support/account.h"

namespace polygon::support {

// Whether the servers end when this process dies, however it dies.
enum class Lifetime { ends_with_us, outlives_us };

struct ServerCommand {
    std::vector<std::string> argv;
    process::Environment environment;
    std::filesystem::path directory;  // where it works; below the workspace
    std::filesystem::path log;
};

class Workspace {
  public:
    // polygon.XXXXXX in $TMPDIR or /tmp, readable by all: the servers run as another user.
    static Result<std::unique_ptr<Workspace>> make(Lifetime lifetime);
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    // Kills what still works in it, and removes it unless it is kept.
    ~Workspace();

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path bin() const { return path_ / "bin"; }
    std::filesystem::path patroni_config(const std::string& which) const;
    // PostgreSQL's own programs, of the newest major version installed.
    const std::filesystem::path& postgres_bin() const { return postgres_bin_; }
    const Account& account() const { return account_; }
    Lifetime lifetime() const { return lifetime_; }

    // A directory of the account, 0700; one that is there is no error.
    Result<std::filesystem::path> make_directory(const std::filesystem::path& below);
    // Copies patroni-configs, the programs that exist in `programs` or, if that is empty, in the directory of this
    // process's executable, and what the stand itself runs: the checkout may be closed to the account.
    Status install(const std::filesystem::path& programs = {});

    // PATH, HOME and a locale, and what tells sanitizers how to report.
    process::Environment environment(const std::filesystem::path& home) const;
    // A server in a session of its own, out of reach of the terminal's Ctrl-C. It gets SIGTERM when we die.
    process::Command server(const ServerCommand& server) const;
    // A short-lived program, run as the account.
    process::Command tool(std::vector<std::string> argv, process::Environment environment) const;

    // Not removed at the end: for a look at what went wrong.
    void keep() { is_kept_ = true; }
    bool is_kept() const { return is_kept_; }
    // The last lines of every log below, on stderr.
    void print_log_tails() const;

  private:
    Workspace(std::filesystem::path path, Account account, Lifetime lifetime, std::filesystem::path postgres_bin);

    std::filesystem::path path_;
    Account account_;
    Lifetime lifetime_;
    std::filesystem::path postgres_bin_;
    bool is_kept_ = false;
};

}  // namespace polygon::support
