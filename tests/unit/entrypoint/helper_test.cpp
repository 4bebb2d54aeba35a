#include "bootstrap/entrypoint/agent/helper.h"

#include <fstream>

#include <fmt/format.h>
#include <sys/stat.h>

#include "bootstrap/entrypoint/agent/preflight.h"
#include "bootstrap/entrypoint/agent/proof_run.h"
#include "common/fs/file.h"
#include "tests/support/catch.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scratch.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

// In place of polygon-bootstrap. The arguments are kept in `arguments`, beside the script.
class Stand {
  public:
    explicit Stand(const std::string& script) : supervisor_({"true"}, system_clock()) {
        std::ofstream(program()) << "#!/bin/sh\necho \"$@\" > " << (scratch_.path() / "arguments").string() << "\n"
                                 << script << "\n";
        chmod(program().c_str(), 0755);
    }

    std::string program() const { return (scratch_.path() / "helper").string(); }
    std::filesystem::path status_file() const { return scratch_.path() / "status.json"; }
    Supervisor& supervisor() { return supervisor_; }
    std::string arguments() const { return fs::read_file(scratch_.path() / "arguments").value_or(""); }

    template <class Condition>
    bool wait(Condition&& is_so) {
        return wait_until(system_clock(), Deadline(system_clock(), 20s), 5ms, [&] {
            supervisor_.processes().reap();
            return is_so();
        });
    }

  private:
    support::Scratch scratch_;
    Supervisor supervisor_;
};

const Attempt kAttempt{"g2", etcd::Phase::stage, 1};

HelperState run_to_end(Stand& stand, Helper& helper, std::vector<std::string> arguments) {
    REQUIRE(helper.start(HelperKind::stage, kAttempt, std::move(arguments)).has_value());
    CHECK(stand.wait([&] {
        helper.poll();
        return helper.seen()->state != HelperState::running;
    }));
    CHECK_FALSE(std::filesystem::exists(stand.status_file()));
    return helper.seen()->state;
}

TEST_CASE("the helper gets the configuration and a status file, and its end is seen") {
    Stand stand("exit 0");
    Helper helper(stand.supervisor(), {stand.program(), "/etc/patroni.yml", stand.status_file()});
    CHECK_FALSE(helper.seen().has_value());
    CHECK(run_to_end(stand, helper, {"copy", "--from", "a:1"}) == HelperState::done);
    CHECK(stand.arguments() ==
          fmt::format("copy --from a:1 --config /etc/patroni.yml --status-file {}\n", stand.status_file().string()));
    CHECK(helper.seen()->attempt == kAttempt);
    CHECK(helper.seen()->error.empty());
}

TEST_CASE("a helper that fails says why: by its status file, else by its last lines, else by its status") {
    Stand by_file("echo '{\"state\":\"failed\",\"error\":\"no room\"}' > ${5}; echo noise >&2; exit 28");
    Helper one(by_file.supervisor(), {by_file.program(), "/etc/patroni.yml", by_file.status_file()});
    CHECK(run_to_end(by_file, one, {"stage"}) == HelperState::failed);
    CHECK(one.seen()->error == "no room");
    Stand by_lines("echo last words >&2; exit 28");
    Helper two(by_lines.supervisor(), {by_lines.program(), std::nullopt, by_lines.status_file()});
    CHECK(run_to_end(by_lines, two, {"stage"}) == HelperState::failed);
    CHECK(two.seen()->error == "last words");
    Stand silent("kill -9 $$");
    Helper three(silent.supervisor(), {silent.program(), std::nullopt, silent.status_file()});
    CHECK(run_to_end(silent, three, {"stage"}) == HelperState::failed);
    CHECK(three.seen()->error == silent.program() + " ended with status 137");
}

TEST_CASE("progress and address are the status file's while the helper runs, and SIGTERM ends it") {
    Stand stand(
        "trap 'exit 0' TERM\n"
        "echo '{\"phase\":\"serve\",\"bytes_done\":5,\"bytes_total\":9,\"address\":\"h:1\"}' > ${5}\n"
        "while :; do sleep 0.05; done");
    Helper helper(stand.supervisor(), {stand.program(), "/etc/patroni.yml", stand.status_file()});
    REQUIRE(helper.start(HelperKind::serve, kAttempt, {"serve"}).has_value());
    REQUIRE(stand.wait([&] {
        helper.poll();
        return !helper.seen()->address.empty();
    }));
    CHECK(helper.seen()->activity == "serve");
    CHECK_FALSE(helper.seen()->was_ended);
    CHECK(helper.seen()->bytes_done == 5);
    CHECK(helper.seen()->bytes_total == 9);
    CHECK(helper.seen()->address == "h:1");
    helper.end();
    helper.end();
    REQUIRE(stand.wait([&] {
        helper.poll();
        return helper.seen()->state != HelperState::running;
    }));
    CHECK(helper.seen()->state == HelperState::done);
    CHECK(helper.seen()->was_ended);
    CHECK(helper.seen()->address.empty());
}

TEST_CASE("a status file that makes no sense changes nothing") {
    const support::Scratch scratch;
    const auto path = scratch.path() / "status.json";
    HelperSeen seen{.activity = "restore"};
    read_status_file(path, seen);
    std::ofstream(path) << "{\"phase\":";
    read_status_file(path, seen);
    CHECK(seen.activity == "restore");
    std::ofstream(path) << R"({"phase":7,"bytes_done":-1,"error":null})";
    read_status_file(path, seen);
    CHECK(seen.activity.empty());
    CHECK(seen.bytes_done == 0);
}

TEST_CASE("a preflight's report is what the program prints, whole") {
    Stand stand("head -c 200000 /dev/zero | tr '\\0' x");
    PreflightRun preflight(stand.supervisor(), stand.program(), "/etc/patroni.yml");
    CHECK_FALSE(preflight.is_asked());
    preflight.follow("p1");
    CHECK(preflight.is_asked());
    REQUIRE(stand.wait([&] {
        preflight.follow("p1");
        return preflight.answer().has_value();
    }));
    CHECK(preflight.answer()->id == "p1");
    CHECK(preflight.answer()->report == std::string(200000, 'x'));
    CHECK(preflight.answer()->error.empty());
    CHECK(stand.arguments() == "plan --json --config /etc/patroni.yml\n");
    preflight.follow("");
    CHECK_FALSE(preflight.answer().has_value());
}

TEST_CASE("a preflight that fails is answered with its errors, and one that nobody wants any more is ended") {
    Stand stand("echo half; echo 'no backup' >&2; exit 20");
    PreflightRun preflight(stand.supervisor(), stand.program(), std::nullopt);
    preflight.follow("p1");
    REQUIRE(stand.wait([&] {
        preflight.follow("p1");
        return preflight.answer().has_value();
    }));
    CHECK(preflight.answer()->report == "half\n");
    CHECK(preflight.answer()->error == "no backup");

    Stand slow("exec sleep 600");
    PreflightRun abandoned(slow.supervisor(), slow.program(), std::nullopt);
    abandoned.follow("p1");
    REQUIRE(slow.wait([&] {
        abandoned.follow("");
        return !slow.supervisor().processes().is_any_running();
    }));
    abandoned.follow("");
    abandoned.follow("");
    CHECK_FALSE(abandoned.answer().has_value());
    PreflightRun missing(slow.supervisor(), "no-such-program", std::nullopt);
    missing.follow("p1");
    CHECK(missing.answer()->error == "cannot run 'no-such-program': No such file or directory");
}

TEST_CASE("a helper that hangs ends by SIGKILL, what it said before holds no longer, and the next one begins") {
    Stand stand("trap '' TERM; exec sleep 600");
    support::FakeClock clock;
    ProofRun proof(stand.supervisor(), stand.program(), std::nullopt, clock);
    const WantedProof wanted{.id = "v1", .kind = ProofKind::verify};
    proof.follow(wanted);
    clock.advance(299s);
    proof.follow(wanted);
    CHECK_FALSE(proof.proof().has_value());
    CHECK(stand.supervisor().processes().is_any_running());
    clock.advance(1s);
    proof.follow(wanted);
    REQUIRE(proof.proof().has_value());
    CHECK(proof.proof()->id == "v1");
    CHECK(proof.proof()->error == stand.program() + " prove has not ended within 5 min");
    REQUIRE(stand.wait([&] {
        proof.follow({});
        return !stand.supervisor().processes().is_any_running();
    }));
}

}  // namespace
}  // namespace polygon::entrypoint
