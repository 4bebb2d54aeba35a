// A rebuild as an operator sees it: a table of lines for a terminal, changes for a log, JSON for programs.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "bootstrap/rebuild/coordinator/view.h"
#include "common/base/clock.h"
#include "common/cli/pace.h"

namespace polygon::rebuild {

// The line of one member: "polygon1  new leader  restoring  42 % [####   ] …".
struct Row {
    std::string member;
    std::string role;      // "new leader", "leader", "replica"
    std::string activity;  // "restoring", "done", "failed: …", "no agent"
    cli::Figures figures;  // all 0: nothing to draw
    bool is_news = true;   // not while its agent has yet to answer this phase
};

std::vector<Row> make_rows(const View& view);

// How fast each member is; a member's pace begins anew with another activity.
class Paces {
  public:
    void observe(Clock::Instant now, const std::vector<Row>& rows);
    const cli::Pace& of(const std::string& member) const;

  private:
    struct Paced {
        std::string activity;
        cli::Pace pace;
    };
    std::map<std::string, Paced> paces_;
    cli::Pace none_;
};

struct Frame {
    std::string header;  // "rebuild 20261120T030000Z-7f3a  stage  1:02"
    std::vector<Row> rows;
    std::string footer;  // "waiting for polygon1"; may be empty
};

Frame make_frame(const View& view, std::chrono::seconds elapsed, const std::string& waiting_for);
// Columns, not bytes: what is cut is cut between characters.
std::string cut(const std::string& text, std::size_t columns);
// At most `width` columns each.
std::vector<std::string> render(const Frame& frame, const Paces& paces, std::size_t width);

// What has changed since the last call, a line each, in tenths of the work.
class Changes {
  public:
    std::vector<std::string> observe(const View& view, const std::vector<Row>& rows);

  private:
    std::map<std::string, std::string> seen_;
};

}  // namespace polygon::rebuild
