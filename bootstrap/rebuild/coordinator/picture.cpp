#include "bootstrap/rebuild/coordinator/picture.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/printable.h"
#include "common/cli/progress_display.h"
#include "common/cli/units.h"

namespace polygon::rebuild {
namespace {

using etcd::AnswerState;

constexpr std::uint64_t kStepPercent = 10;

std::string role_of(const View& view, const std::string& member) {
    if (view.cluster.leader == member) return "leader";
    return view.plan.leader == member && !etcd::is_terminal(view.phase.phase) ? "new leader" : "replica";
}

// What its agent says to this phase; while it is still at the one before, that it has not begun.
std::string activity_of(const View& view, const etcd::NodeRecord& node) {
    const std::string patroni = node.is_patroni_running ? "Patroni runs" : "Patroni is stopped";
    if (etcd::is_terminal(view.phase.phase)) return node.decision.empty() ? patroni : node.decision;
    if (etcd::answers(node, view.phase, AnswerState::failed)) return "failed: " + node.answer->error;
    if (etcd::answers(node, view.phase, AnswerState::done)) return "done, " + patroni;
    if (etcd::answers(node, view.phase, AnswerState::working))
        return node.answer->activity.empty() ? "working" : node.answer->activity;
    return patroni;
}

bool has_answered(const View& view, const etcd::NodeRecord& node) {
    return node.answer && etcd::answers(node, view.phase, node.answer->state);
}

// What an agent says before its helper has begun: who is to lead which generation.
bool repeats_plan(const View& view, const etcd::NodeRecord& node) {
    return etcd::answers(node, view.phase, AnswerState::working) &&
           node.answer->activity.find(view.plan.generation) != std::string::npos;
}

Row make_row(const View& view, const std::string& member) {
    Row row{.member = member, .role = role_of(view, member)};
    const etcd::NodeRecord* node = find_node(view, member);
    if (node == nullptr) {
        row.activity = "no agent";
        return row;
    }
    row.activity = activity_of(view, *node);
    row.is_news = etcd::is_terminal(view.phase.phase) || (has_answered(view, *node) && !repeats_plan(view, *node));
    if (etcd::answers(*node, view.phase, AnswerState::working) && node->answer->bytes_done > 0)
        row.figures = {.bytes_done = node->answer->bytes_done, .bytes_total = node->answer->bytes_total};
    return row;
}

std::string render_row(const Row& row, const cli::Pace& pace, std::size_t name_width, std::size_t width) {
    const std::string before = fmt::format("  {:<{}}  {:<10}  ", printable(row.member), name_width, row.role);
    if (row.figures.bytes_done == 0 || width <= before.size()) return cut(before + printable(row.activity), width);
    return before + cut(cli::render_bar(printable(row.activity), row.figures, pace, width - before.size()),
                        width - before.size());
}

}  // namespace

std::string cut(const std::string& text, std::size_t columns) {
    std::size_t seen = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const bool is_first_byte = (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
        if (is_first_byte && seen++ == columns) break;
        ++at;
    }
    return text.substr(0, at);
}

std::vector<Row> make_rows(const View& view) {
    std::vector<Row> rows;
    for (const std::string& member : view.plan.members)
        rows.push_back(make_row(view, member));
    return rows;
}

void Paces::observe(Clock::Instant now, const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        Paced& paced = paces_[row.member];
        if (paced.activity != row.activity) paced = {.activity = row.activity, .pace = {}};
        if (row.figures.bytes_done > 0) paced.pace.observe(now, row.figures);
    }
}

const cli::Pace& Paces::of(const std::string& member) const {
    const auto found = paces_.find(member);
    return found == paces_.end() ? none_ : found->second.pace;
}

Frame make_frame(const View& view, std::chrono::seconds elapsed, const std::string& waiting_for) {
    Frame frame{.header = fmt::format("rebuild {}  {}  {}", view.plan.generation, etcd::to_text(view.phase.phase),
                                      cli::human_duration(elapsed)),
                .rows = make_rows(view)};
    if (view.phase.attempt > 1) frame.header += fmt::format("  attempt {}", view.phase.attempt);
    if (!waiting_for.empty()) frame.footer = "  waiting for " + waiting_for;
    if (!view.phase.error.empty()) frame.footer += fmt::format("  ({})", view.phase.error);
    return frame;
}

std::vector<std::string> render(const Frame& frame, const Paces& paces, std::size_t width) {
    std::size_t name_width = 0;
    for (const Row& row : frame.rows)
        name_width = std::max(name_width, printable(row.member).size());
    std::vector<std::string> lines = {cut(printable(frame.header), width)};
    for (const Row& row : frame.rows)
        lines.push_back(render_row(row, paces.of(row.member), name_width, width));
    if (!frame.footer.empty()) lines.push_back(cut(printable(frame.footer), width));
    return lines;
}

std::vector<std::string> Changes::observe(const View& view, const std::vector<Row>& rows) {
    std::vector<std::string> lines;
    const std::string phase(etcd::to_text(view.phase.phase));
    const auto tell = [&](const std::string& subject, const std::string& prefix, const std::string& state) {
        std::string& last = seen_[subject];
        if (last != phase + state) lines.push_back(prefix + state);
        last = phase + state;
    };
    const std::string error = view.phase.error.empty() ? "" : fmt::format(" ({})", view.phase.error);
    tell("", "phase ", phase + error);
    for (const Row& row : rows) {
        if (!row.is_news) continue;
        const std::uint64_t percent = row.figures.percent() / kStepPercent * kStepPercent;
        const std::string done = row.figures.has_total() ? fmt::format(" {} %", percent) : "";
        tell(row.member, fmt::format("{} ({}): ", row.member, row.role), row.activity + done);
    }
    return lines;
}

}  // namespace polygon::rebuild
