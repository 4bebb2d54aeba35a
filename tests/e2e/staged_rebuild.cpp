#include "tests/e2e/staged_rebuild.h"

#include <chrono>
#include <filesystem>

#include <fmt/format.h>

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;

constexpr auto kCommandLimit = 900s;

Status check_tidy(Previous previous) {
    for (const support::PatroniNode& node : stand().polygon().nodes()) {
        const bool has_staged = std::filesystem::exists(node.directory() / "data.staged");
        const bool has_previous = std::filesystem::exists(node.directory() / "data.previous");
        if (has_staged) return Error{Errc::not_proven, node.name() + " still has data.staged"};
        if (has_previous != (previous == Previous::kept))
            return Error{Errc::not_proven,
                         fmt::format("{} {} data.previous", node.name(), has_previous ? "has" : "lacks")};
    }
    return {};
}

}  // namespace

Ended end_of(support::OperatorCommand& command) {
    const auto status = command.wait(kCommandLimit);
    INFO(command.output());
    return {require(status), command.output()};
}

Ended run_operator(const std::vector<std::string>& arguments) {
    support::OperatorCommand command = require(stand().start_operator(arguments));
    return end_of(command);
}

Status wait_for_phase(const std::string& last_generation, etcd::Phase wanted) {
    support::RebuildView view(stand().polygon());
    std::string seen = "none";
    const auto is_there = [&] {
        const auto phase = view.phase();
        if (!phase || !*phase || (*phase)->generation == last_generation) return support::is_interrupted();
        seen = std::string(etcd::to_text((*phase)->phase));
        return (*phase)->phase == wanted || support::is_interrupted();
    };
    if (wait_until(system_clock(), Deadline(system_clock(), 300s), 10ms, is_there)) return {};
    return Error{Errc::not_proven, fmt::format("no phase {}; the last is {}", etcd::to_text(wanted), seen)};
}

std::string last_generation() {
    support::RebuildView view(stand().polygon());
    const auto phase = require(view.phase());
    return phase ? phase->generation : "";
}

std::string system_identifier() {
    support::Database database = require(stand().polygon().connect_to_leader());
    return require(support::read_system_identifier(database));
}

void leave_mark(const std::string& text) {
    support::Database thai = require(stand().polygon().connect_to_leader("thai"));
    require(thai.run("CREATE TABLE IF NOT EXISTS public.marks (name text)"));
    require(thai.value("INSERT INTO public.marks VALUES ($1) RETURNING name", {text}));
}

void require_mark(const std::string& text) {
    for (support::PatroniNode& node : stand().polygon().nodes()) {
        INFO(node.name());
        support::Database thai = require(node.connect(stand().polygon().credentials().superuser, "thai"));
        REQUIRE(require(thai.value("SELECT count(*) FROM public.marks WHERE name = $1", {text})) == "1");
    }
}

void require_tidy(Previous previous) {
    require(support::wait_for("tidy polygon", 90s, [&] { return check_tidy(previous); }));
}

}  // namespace polygon::e2e
