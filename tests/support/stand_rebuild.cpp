// Stand: a polygon of services, and its staged rebuilds.
#include <chrono>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "tests/support/stand.h"
#include "tests/support/waiting.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

constexpr auto kRebuildLimit = 1200s;

Status replace_line(std::string& text, std::string_view line, std::string_view by) {
    const std::size_t place = text.find(line);
    if (place == std::string::npos)
        return Error{Errc::configuration, fmt::format("no '{}' in the polygon's file", line)};
    text.replace(place, line.size(), by);
    return {};
}

// The polygon's file with initdb in place of a backup, which there is none of yet. Only a cluster that has not begun
// looks at this part.
Status begin_with_initdb(const std::filesystem::path& file) {
    std::string text = TRY(fs::read_file(file));
    TRY(replace_line(text, "  method: polygon\n",
                     "  method: initdb\n  initdb: [encoding: UTF8, locale: C.UTF-8, data-checksums]\n"));
    TRY(replace_line(text, "  post_bootstrap: polygon-post-bootstrap\n", ""));
    return fs::replace_file(file, text, 0644);
}

Status fill(Cluster& polygon) {
    Database postgres = TRY(polygon.connect_to_leader());
    TRY(postgres.set_login(polygon.credentials().app));
    TRY(postgres.run(fmt::format("CREATE DATABASE thai OWNER {}", polygon.credentials().app.user)));
    Database thai = TRY(polygon.connect_to_leader("thai"));
    return thai.run(
        "CREATE TABLE pulse (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,"
        " written timestamptz NOT NULL DEFAULT clock_timestamp())");
}

}  // namespace

Status Stand::make_service_polygon() {
    const std::string own = TRY(fs::read_file(polygon_config()));
    TRY(begin_with_initdb(polygon_config()));
    polygon_->use(polygon_config(), Launch::service);
    TRY(polygon_->etcd().start());
    TRY(polygon_->start_nodes());
    TRY(polygon_->wait_until_healthy());
    TRY(fs::replace_file(polygon_config(), own, 0644));
    TRY(workspace_->account().give(polygon_config()));
    return fill(*polygon_);
}

Status Stand::configure_polygon(const std::string& lines) {
    const std::string base = TRY(fs::read_file(workspace_->patroni_config("base-polygon")));
    TRY(fs::replace_file(polygon_config(), base + lines, 0644));
    return workspace_->account().give(polygon_config());
}

process::Command Stand::operator_command(std::vector<std::string> arguments) {
    std::vector<std::string> argv = {(workspace_->bin() / "polygon-rebuild").string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    argv.insert(argv.end(), {"--config", polygon_config().string()});
    return workspace_->tool(std::move(argv), polygon_->nodes().front().environment());
}

Result<OperatorCommand> Stand::start_operator(std::vector<std::string> arguments) {
    return OperatorCommand::start(operator_command(std::move(arguments)), workspace_->path() / "rebuild.log");
}

Result<OperatorCommand> Stand::start_rebuild(const std::vector<std::string>& arguments) {
    if (auto leader = polygon_->connect_to_leader()) previous_identifier_ = TRY(read_system_identifier(*leader));
    std::vector<std::string> all = {"run", "--yes"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return start_operator(std::move(all));
}

Status Stand::run_rebuild(const std::vector<std::string>& arguments) {
    OperatorCommand command = TRY(start_rebuild(arguments));
    const int status = TRY(command.wait(kRebuildLimit));
    rebuild_output_ = command.output();
    if (status == 0) return wait_for_polygon();
    return Error{Errc::process_failed,
                 fmt::format("polygon-rebuild run ended with status {}: {}", status, rebuild_output_)};
}

}  // namespace polygon::support
