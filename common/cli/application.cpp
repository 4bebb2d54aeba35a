#include "common/cli/application.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <polygon_version.h>

#include "common/base/log.h"

namespace polygon::cli {
namespace {

LogLevel to_level(const std::string& name) {
    if (name == "debug") return LogLevel::debug;
    if (name == "warning") return LogLevel::warning;
    if (name == "error") return LogLevel::error;
    return LogLevel::info;
}

// What follows the options in --help, as it stands: newer versions of CLI11 re-wrap a footer, tables too.
class HelpFormatter final : public CLI::Formatter {
  public:
    explicit HelpFormatter(std::string details) : details_(std::move(details)) {}

    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        std::string help = CLI::Formatter::make_help(app, std::move(name), mode);
        if (mode != CLI::AppFormatMode::Sub) help += "\n" + details_;
        return help;
    }

  private:
    std::string details_;
};

std::shared_ptr<HelpFormatter> formatter_with(const std::string& details) {
    return std::make_shared<HelpFormatter>(
        fmt::format("{}{}Exit status:\n{}", details, details.empty() ? "" : "\n", exit_status_table()));
}

Result<std::vector<std::pair<std::string, std::string>>> split_overrides(const std::vector<std::string>& assignments) {
    std::vector<std::pair<std::string, std::string>> overrides;
    for (const std::string& assignment : assignments) {
        const std::size_t equals = assignment.find('=');
        if (equals == std::string::npos || equals == 0) {
            return Error{Errc::usage, fmt::format("--set '{}' is not KEY=VALUE", assignment),
                         "Write, for example, --set source.directory=/backups/production."};
        }
        overrides.emplace_back(assignment.substr(0, equals), assignment.substr(equals + 1));
    }
    return overrides;
}

}  // namespace

std::string exit_status_table() {
    std::string table = fmt::format("  {:>3}  {:<24} {}\n", 0, "success", "");
    for (const ErrorRow& row : error_table()) {
        table += fmt::format("  {:>3}  {:<24} {}\n", row.exit_status, row.name, row.meaning);
    }
    return table;
}

Application::Application(std::string name, std::string summary, std::string details)
    : name_(std::move(name)), parser_(std::make_unique<CLI::App>(std::move(summary), name_)) {
    parser_->set_version_flag("--version", name_ + " (pg-polygon) " + kVersion);
    parser_->add_option("--config", common_.config,
                        "Patroni's configuration, a file or a folder of them; else POLYGON_CONFIG, else the one on the "
                        "command line of the Patroni that called");
    parser_->add_option("--log-level", log_level_)->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    parser_->add_option("--log-format", log_format_)->check(CLI::IsMember({"text", "json"}));
    parser_->fallthrough();
    parser_->formatter(formatter_with(details));
}

Application::~Application() = default;

CLI::App& Application::add_command(const std::string& name, const std::string& summary, const std::string& details) {
    CLI::App* command = parser_->add_subcommand(name, summary);
    command->formatter(formatter_with(details));
    return *command;
}

void Application::accept_overrides() {
    parser_->add_option("--set", set_, "KEY=VALUE over a key of the polygon section, as source.directory=/backups")
        ->allow_extra_args(false);
}

int Application::run(int argc, char** argv, const std::function<Result<int>()>& body) {
    try {
        parser_->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return parser_->exit(error);  // --help, --version
        configure_log(name_, LogLevel::info, LogFormat::text);
        log_error({Errc::usage, error.what(), fmt::format("See {} --help.", name_)});
        return exit_status(Errc::usage);
    }
    configure_log(name_, to_level(log_level_), log_format_ == "json" ? LogFormat::json : LogFormat::text);
    Result<int> result = 0;
    if (auto overrides = split_overrides(set_); overrides) {
        common_.overrides = std::move(*overrides);
        result = body();
    } else {
        result = overrides.error();
    }
    if (result) return *result;
    log_error(result.error());
    return exit_status(result.error().code);
}

}  // namespace polygon::cli
