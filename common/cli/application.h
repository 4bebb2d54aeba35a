// What all five programs share on the command line: --help with its exit statuses, --version, the configuration file,
// overrides, logging, and the one place where a final error is logged and becomes an exit status.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace CLI {
class App;
}

namespace polygon::cli {

struct CommonOptions {
    std::optional<std::filesystem::path> config;                 // --config
    std::vector<std::pair<std::string, std::string>> overrides;  // --set KEY=VALUE
};

class Application {
  public:
    // `details` follows the options in --help.
    Application(std::string name, std::string summary, std::string details);
    ~Application();

    // Adds --set, for a program that reads the polygon section.
    void accept_overrides();
    // For the program's own options and subcommands.
    CLI::App& parser() { return *parser_; }
    // A subcommand whose --help has details of its own.
    CLI::App& add_command(const std::string& name, const std::string& summary, const std::string& details);
    const CommonOptions& common() const { return common_; }

    // Parses, sets up logging and calls `body`, whose value is the exit status of a success.
    int run(int argc, char** argv, const std::function<Result<int>()>& body);

  private:
    std::string name_;
    std::unique_ptr<CLI::App> parser_;
    CommonOptions common_;
    std::vector<std::string> set_;
    std::string log_level_ = "info";
    std::string log_format_ = "text";
};

// The table of exit statuses, as --help and the README print it.
std::string exit_status_table();

}  // namespace polygon::cli
