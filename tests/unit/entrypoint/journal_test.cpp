#include "bootstrap/entrypoint/agent/journal.h"

#include <algorithm>

#include "tests/support/capture.h"
#include "tests/support/catch.h"

namespace polygon::entrypoint {
namespace {

const process::ServiceManager kNobody{process::Environment{}};

std::ptrdiff_t lines_of(const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
}

TEST_CASE("a decision is told once, by whom and why, and told again when another came between") {
    Journal journal(kNobody);
    const std::string told = support::capture_stderr([&] {
        journal.decide("guard", "wait", "no leader");
        journal.decide("guard", "wait", "no leader");
    });
    CHECK(lines_of(told) == 1);
    CHECK_THAT(told, ContainsText("guard decides action=wait because=\"no leader\""));
    CHECK(journal.last() == "wait: no leader");
    CHECK(lines_of(support::capture_stderr([&] {
              journal.decide("guard", "start", "");
              journal.decide("guard", "wait", "no leader");
          })) == 2);
}

TEST_CASE("guard and agent do not make each other repeat themselves") {
    Journal journal(kNobody);
    const std::string told = support::capture_stderr([&] {
        for (int round = 0; round < 3; ++round) {
            journal.decide("agent", "wait", "restore");
            journal.decide("guard", "wait", "no leader");
        }
    });
    CHECK(lines_of(told) == 2);
}

TEST_CASE("a start is told at any rate") {
    Journal journal(kNobody);
    CHECK(lines_of(support::capture_stderr([&] {
              journal.announce("guard", "start", "the data directory is empty");
              journal.announce("guard", "start", "the data directory is empty");
          })) == 2);
}

TEST_CASE("what keeps it from deciding is told when it begins, and as long as it lasts") {
    Journal journal(kNobody);
    CHECK(lines_of(support::capture_stderr([&] {
              journal.decide("guard", "start", "");
              journal.complain("no etcd");
              journal.complain("no etcd");
              journal.stop_complaining();
              journal.complain("no etcd");
          })) == 3);
    CHECK(journal.last() == "wait: no etcd");
    journal.stop_complaining();
    CHECK(journal.last() == "start");
}

}  // namespace
}  // namespace polygon::entrypoint
