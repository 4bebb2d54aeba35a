#include "common/backup/backup_label.h"

#include <fmt/format.h>

#include "common/backup/wal_segments.h"
#include "tests/fuzz/subject.h"

namespace polygon::backup::fuzz {

Verdict feed_backup_label(std::string_view bytes) {
    const auto label = parse_backup_label(std::string(bytes));
    if (!label) {
        require_refusal_of_backup(label.error());
        return Verdict::refused;
    }
    require(parse_lsn(label->start_lsn).has_value(), "the start is no position");
    require(label->start_segment.size() == 24, "the segment's name has another length");
    require(label->start_segment.starts_with(fmt::format("{:08X}", label->timeline)), "the timeline is another one");
    for (const std::string& line : {label->label, label->start_time, label->incremental_from_lsn.value_or("")})
        require(line.find('\n') == std::string::npos, "a value is of several lines");
    return Verdict::accepted;
}

}  // namespace polygon::backup::fuzz
