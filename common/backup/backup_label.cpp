#include "common/backup/backup_label.h"

#include <charconv>

#include "common/backup/damage.h"
#include "common/backup/wal_segments.h"
#include "common/base/printable.h"

namespace polygon::backup {
namespace {

constexpr std::size_t kSegmentDigits = 24;
constexpr std::size_t kTimelineDigits = 8;

// Of the line "<name>: <value>"; empty without one.
std::string value_of(const std::string& text, const std::string& name) {
    const std::size_t at = ("\n" + text).find("\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t start = at + name.size() + 2;
    return text.substr(start, text.find('\n', start) - start);
}

}  // namespace

// "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)"
Result<BackupLabel> parse_backup_label(const std::string& text) {
    const std::string start = value_of(text, "START WAL LOCATION");
    const std::size_t file = start.find(" (file ");
    BackupLabel label{.label = printable(value_of(text, "LABEL")),
                      .start_time = printable(value_of(text, "START TIME"))};
    if (file != std::string::npos) {
        label.start_lsn = start.substr(0, file);
        label.start_segment = start.substr(file + 7, kSegmentDigits);
    }
    if (std::string from = value_of(text, "INCREMENTAL FROM LSN"); !from.empty())
        label.incremental_from_lsn = std::move(from);
    const std::string from_timeline = value_of(text, "INCREMENTAL FROM TLI");
    std::from_chars(from_timeline.data(), from_timeline.data() + from_timeline.size(), label.incremental_from_timeline);
    const bool is_segment = label.start_segment.size() == kSegmentDigits &&
                            label.start_segment.find_first_not_of("0123456789ABCDEF") == std::string::npos;
    if (!is_segment || !parse_lsn(label.start_lsn)) {
        return Error{Errc::backup_corrupt, "backup_label does not say where its WAL starts", std::string(kCopyAgain)};
    }
    std::from_chars(label.start_segment.data(), label.start_segment.data() + kTimelineDigits, label.timeline, 16);
    return label;
}

}  // namespace polygon::backup
