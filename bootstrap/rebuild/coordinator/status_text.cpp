#include "bootstrap/rebuild/coordinator/status_text.h"

#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bootstrap/rebuild/coordinator/picture.h"
#include "bootstrap/rebuild/coordinator/records.h"
#include "common/base/printable.h"
#include "common/cli/units.h"

namespace polygon::rebuild {
namespace {

using Json = nlohmann::ordered_json;

std::string line(const std::string& label, const std::string& value) {
    return fmt::format("{:<12} {}", label, printable(value));
}

std::string describe(const std::optional<etcd::Generation>& proven) {
    if (!proven) return "none: never rebuilt";
    std::string text = proven->generation;
    if (!proven->backup_label.empty())
        text += fmt::format(", from backup '{}' of {}", proven->backup_label, proven->backup_time);
    text += fmt::format(", proven {}", proven->proven_at);
    if (!proven->verified_at.empty()) text += fmt::format(", verified {}", proven->verified_at);
    return text;
}

std::string describe_rebuild(const StatusReport& report) {
    if (!report.seen.is_active()) return "none under way";
    const etcd::PhaseRecord& phase = *report.seen.phase.value;
    std::string text = fmt::format("{}, phase {} since {}", phase.generation, etcd::to_text(phase.phase), phase.since);
    if (phase.attempt > 1) text += fmt::format(", attempt {}", phase.attempt);
    if (!phase.error.empty()) text += fmt::format(" ({})", phase.error);
    return text;
}

std::string describe(const etcd::HistoryRecord& last) {
    return fmt::format("{}: {} {}{}", last.generation, last.outcome, last.ended_at,
                       last.error.empty() ? "" : " (" + last.error + ")");
}

// Values of others, as they stand in etcd.
Json parsed(const std::string& text) {
    return text.empty() ? Json() : Json::parse(text, nullptr, false);
}

std::string dump(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

View view_of(const Situation& seen) {
    if (seen.is_active()) return make_view(seen);
    View view{.cluster = seen.cluster.keys};
    view.phase.phase = etcd::Phase::done;
    for (const auto& [name, node] : seen.nodes) {
        view.plan.members.push_back(name);
        view.nodes.emplace(name, *node.value);
    }
    return view;
}

std::vector<std::string> to_lines(const StatusReport& report, std::size_t width) {
    std::vector<std::string> lines = {line("scope", report.scope),
                                      line("generation", describe(report.seen.generation.value)),
                                      line("rebuild", describe_rebuild(report))};
    if (report.holder) lines.push_back(line("coordinator", *report.holder));
    if (report.seen.is_active() && !report.holder)
        lines.push_back(
            line("coordinator", "none: polygon-rebuild resume goes on, polygon-rebuild rollback goes back"));
    if (report.last) lines.push_back(line("last", describe(*report.last)));
    if (width > 0) {
        for (std::string& text : lines)
            text = cut(text, width);
    }
    Frame frame{.rows = make_rows(view_of(report.seen))};
    const auto rows = render(frame, Paces(), width > 0 ? width : std::numeric_limits<std::size_t>::max() / 2);
    lines.insert(lines.end(), rows.begin() + 1, rows.end());
    return lines;
}

std::string to_json(const StatusReport& report) {
    Json nodes = Json::array();
    for (const auto& [name, node] : report.seen.nodes)
        nodes.push_back(parsed(node.text));
    return dump({{"scope", report.scope},
                 {"is_active", report.seen.is_active()},
                 {"coordinator", report.holder ? Json(*report.holder) : Json()},
                 {"plan", parsed(report.seen.plan.text)},
                 {"phase", parsed(report.seen.phase.text)},
                 {"generation", parsed(report.seen.generation.text)},
                 {"leader", report.seen.cluster.keys.leader ? Json(*report.seen.cluster.keys.leader) : Json()},
                 {"nodes", nodes},
                 {"last", report.last ? parsed(etcd::to_json(*report.last)) : Json()}});
}

std::string to_table(const std::vector<etcd::HistoryRecord>& history) {
    std::string text = fmt::format("{:<22} {:<12} {:<9} {:<21} {:<9} {}\n", "generation", "outcome", "mode", "ended",
                                   "down", "backup");
    for (const etcd::HistoryRecord& record : history) {
        const std::string down = record.outcome == "done" ? fmt::format("{:.1f} s", outage_of(record.seconds)) : "";
        const std::string error = record.error.empty() ? "" : fmt::format("  ({})", record.error);
        text += fmt::format("{:<22} {:<12} {:<9} {:<21} {:<9} {}{}\n", printable(record.generation),
                            printable(record.outcome), printable(record.mode), printable(record.ended_at), down,
                            printable(record.backup_label), printable(error));
    }
    return text;
}

std::string to_json(const std::vector<etcd::HistoryRecord>& history) {
    Json list = Json::array();
    for (const etcd::HistoryRecord& record : history)
        list.push_back(parsed(etcd::to_json(record)));
    return dump(list);
}

}  // namespace polygon::rebuild
