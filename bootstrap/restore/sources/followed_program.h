// A program that runs for hours: what it says is passed on line by line while it runs.
#pragma once

#include <functional>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/fs/file.h"
#include "common/process/child.h"

namespace polygon::bootstrap {

// Whether a line tells how far the program is, or what befell it.
enum class Said { progress, message };

struct FollowedProgram {
    process::Command command;  // its output_file is where its output goes; removed at the end
    std::string name;          // for messages
    std::function<Said(const std::string& line)> on_line;
};

// Runs it to its end; it ends with us, and with it all that it has started. Errc::process_failed with its last messages
// if it fails.
Status run_followed(const FollowedProgram& program, Clock& clock);

}  // namespace polygon::bootstrap
