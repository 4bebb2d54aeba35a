#include "bootstrap/rebuild/coordinator/metrics.h"

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/fs/file.h"

namespace polygon::rebuild {
namespace {

constexpr mode_t kReadableByAll = 0644;

// Prometheus, "Exposition formats": backslash, line feed and quote of a label's value are escaped.
std::string escape(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '\\' || c == '"') escaped += '\\';
        if (c == '\n')
            escaped += "\\n";
        else
            escaped += c;
    }
    return escaped;
}

using Labels = std::vector<std::pair<std::string, std::string>>;

class Text {
  public:
    explicit Text(const std::string& scope) : scope_(scope) {}

    void family(const std::string& name, const char* help) {
        name_ = name;
        text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name, help);
    }
    void sample(double value, const Labels& labels = {}) {
        text_ += fmt::format("{}{{scope=\"{}\"", name_, escape(scope_));
        for (const auto& [label, of] : labels)
            text_ += fmt::format(",{}=\"{}\"", label, escape(of));
        text_ += fmt::format("}} {}\n", value);
    }
    const std::string& text() const { return text_; }

  private:
    std::string scope_;
    std::string name_;
    std::string text_;
};

double seconds_since_epoch(WallTime time) {
    return std::chrono::duration<double>(std::chrono::floor<std::chrono::seconds>(time.time_since_epoch())).count();
}

void add_data(Text& text, const Measured& measured) {
    const auto taken = measured.proven ? parse_utc(measured.proven->backup_time) : std::nullopt;
    if (!taken) return;
    const Labels labels = {{"generation", measured.proven->generation}, {"backup", measured.proven->backup_label}};
    text.family("polygon_data_age_seconds", "Age of production's backup that the polygon carries, as of this file.");
    text.sample(seconds_since_epoch(measured.now) - seconds_since_epoch(*taken), labels);
    text.family("polygon_data_timestamp_seconds", "When production's backup that the polygon carries was taken.");
    text.sample(seconds_since_epoch(*taken), labels);
}

void add_last(Text& text, const etcd::HistoryRecord& last) {
    text.family("polygon_last_rebuild_success", "1 if the last rebuild that ended went well.");
    text.sample(last.outcome == "done" ? 1 : 0, {{"generation", last.generation}, {"outcome", last.outcome}});
    if (const auto ended = parse_utc(last.ended_at)) {
        text.family("polygon_last_rebuild_timestamp_seconds", "When the last rebuild ended.");
        text.sample(seconds_since_epoch(*ended));
    }
}

void add_work(Text& text, const std::map<std::string, double>& seconds, std::uint64_t bytes) {
    if (!seconds.empty()) {
        text.family("polygon_rebuild_phase_seconds", "How long each phase of the latest rebuild took.");
        for (const auto& [phase, took] : seconds)
            text.sample(took, {{"phase", phase}});
    }
    text.family("polygon_rebuild_bytes", "Size of the latest rebuild's backup.");
    text.sample(static_cast<double>(bytes));
}

}  // namespace

std::string to_metrics(const Measured& measured) {
    Text text(measured.scope);
    add_data(text, measured);
    const etcd::HistoryRecord* last = measured.history.empty() ? nullptr : &measured.history.back();
    if (last != nullptr) add_last(text, *last);
    if (measured.active)
        add_work(text, measured.active->seconds, measured.bytes);
    else if (last != nullptr)
        add_work(text, last->seconds, last->bytes);
    text.family("polygon_rebuild_in_progress", "1 while a rebuild is under way or stuck.");
    text.sample(measured.active ? 1 : 0);
    return text.text();
}

Status write_metrics(const std::filesystem::path& path, const Measured& measured) {
    return fs::replace_file(std::filesystem::absolute(path), to_metrics(measured), kReadableByAll);
}

}  // namespace polygon::rebuild
