// What the tests of staged rebuilds share: the stand's rebuilds, looked at from outside.
#pragma once

#include <string>
#include <string_view>

#include "tests/e2e/stand_fixture.h"
#include "tests/support/operator_command.h"
#include "tests/support/rebuild_view.h"

namespace polygon::e2e {

// Runs it to its end; its exit status, and what it printed.
struct Ended {
    int status = 0;
    std::string output;
};
Ended run_operator(const std::vector<std::string>& arguments);
Ended end_of(support::OperatorCommand& command);

// Until the rebuild that has begun after `last_generation` is in this phase.
Status wait_for_phase(const std::string& last_generation, etcd::Phase wanted);
// Of the last rebuild; empty before the first.
std::string last_generation();
std::string system_identifier();

// A row that only the polygon of now has, and whether each node has it.
void leave_mark(const std::string& text);
void require_mark(const std::string& text);
// No D.staged on any node; no D.previous either unless it is kept.
enum class Previous { removed, kept };
void require_tidy(Previous previous);

}  // namespace polygon::e2e
