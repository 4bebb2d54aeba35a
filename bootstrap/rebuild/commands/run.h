// polygon-rebuild run and plan: a rebuild from its beginning, and what it would be.
#pragma once

#include <optional>
#include <string>

#include "bootstrap/rebuild/commands/coordinate.h"

namespace polygon::rebuild {

enum class Newer { not_asked, required };
enum class Consent { asked_for, given };
enum class Format { table, json };

struct RunRequest {
    std::optional<std::string> leader;
    etcd::Mode mode = etcd::Mode::staged;
    Newer newer = Newer::not_asked;
    Consent consent = Consent::asked_for;
    Format format = Format::table;  // of `plan`
};

// The exit status. Errors, with nothing changed: refused, nothing_to_do, conflict, configuration, etcd_unavailable;
// else those of the coordinator, and rolled_back. The metrics are written whatever came of it.
Result<int> run(const Request& request, const RunRequest& run, Clock& clock);

// Prints what run() would do; the refusal, if it would be one. The exit status is 0 unless a signal has ended it.
Result<int> show_plan(const Request& request, const RunRequest& run, Clock& clock);

}  // namespace polygon::rebuild
