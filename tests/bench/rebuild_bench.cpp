// polygon-rebuild-bench BACKUP PROGRAMS GB ROUNDS JSON; run by tests/bench/rebuild.sh. Our rebuild and the one by hand
// in turn, on one polygon; their medians go to JSON as one object.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/base/log.h"
#include "tests/bench/by_hand.h"
#include "tests/bench/idle.h"
#include "tests/support/outage_watch.h"
#include "tests/support/waiting.h"

namespace polygon::bench {
namespace {

using namespace std::chrono_literals;

// The backup's one database with data.
constexpr const char* kDatabase = "postgres";
constexpr auto kIdleTime = 30s;

struct Request {
    std::filesystem::path backup;
    std::filesystem::path programs;
    std::string gigabytes;
    int rounds = 0;
    std::filesystem::path json;
};

// In seconds.
struct Measured {
    double outage = 0;
    double redundant = 0;
    double total = 0;
};

template <class... Values>
void say(fmt::format_string<Values...> format, Values&&... values) {
    fmt::print(format, std::forward<Values>(values)...);
    std::fflush(stdout);
}

// `rebuild` ends when it says that the polygon is rebuilt.
Result<Measured> measure(support::Stand& stand, const std::function<Status()>& rebuild) {
    const support::OutageWatch watch(stand.polygon(), kDatabase);
    TRY(watch.wait_for_writes(10));
    const Clock::Instant begin = system_clock().now();
    TRY(rebuild());
    const std::chrono::duration<double> total = system_clock().now() - begin;
    TRY(stand.wait_for_polygon());
    TRY(watch.wait_for_writes(10));
    const support::Outage outage = TRY(watch.longest());
    const auto redundant = watch.until_redundant(outage);
    if (!redundant) return Error{Errc::not_proven, "the tester has not seen all nodes stream"};
    return Measured{outage.length().count(), redundant->count(), total.count()};
}

double median(std::vector<Measured> all, double Measured::*value) {
    std::vector<double> values;
    for (const Measured& one : all)
        values.push_back(one.*value);
    std::sort(values.begin(), values.end());
    return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

Result<std::unique_ptr<support::Stand>> make_polygon(const Request& request) {
    std::unique_ptr<support::Stand> stand =
        TRY(support::Stand::make({.production = support::ProductionKind::plain, .programs = request.programs}));
    for (support::PatroniNode& node : stand->polygon().nodes())
        node.set_variable("POLYGON_SOURCE_DIRECTORY", request.backup.string());
    TRY(stand->make_service_polygon());
    support::Database database = TRY(stand->polygon().connect_to_leader(kDatabase));
    TRY(database.run("CREATE TABLE public.pulse (id bigserial PRIMARY KEY, written timestamptz DEFAULT now())"));
    return stand;
}

Status print_idle(support::Stand& stand, const char* who) {
    const IdleCost cost = TRY(measure_idle(stand.polygon(), kIdleTime));
    say("  idle, {}: {:.1f} etcd calls a second in all; agents: {:.2f} % of a core each, {:.1f} MiB\n", who,
        cost.etcd_calls_a_second, cost.agent_cpu_percent, cost.agent_rss_mib);
    return {};
}

// "It was down for 4.8 s (stage 2.8 s, …)", polygon-rebuild's last line.
std::string durations_of(const std::string& output) {
    return output.substr(std::min(output.rfind("It was down"), output.size()));
}

Status run_round(support::Stand& stand, const Request& request, std::vector<Measured>& ours,
                 std::vector<Measured>& manual) {
    const Measured staged = TRY(measure(stand, [&] { return stand.run_rebuild({"--set", "replicas=staged"}); }));
    ours.push_back(staged);
    say("  polygon-rebuild: outage {:.1f} s, redundant after {:.1f} s, total {:.1f} s\n", staged.outage,
        staged.redundant, staged.total);
    say("  {}\n", durations_of(stand.rebuild_output()));
    if (manual.empty()) TRY(print_idle(stand, "with agents"));
    const Measured by_hand = TRY(measure(stand, [&] { return rebuild_by_hand(stand, request.backup); }));
    manual.push_back(by_hand);
    say("  by hand:         outage {:.1f} s, redundant after {:.1f} s, total {:.1f} s\n", by_hand.outage,
        by_hand.redundant, by_hand.total);
    if (manual.size() == 1) TRY(print_idle(stand, "plain Patroni"));
    return become_services(stand);
}

Status write_json(const Request& request, const std::vector<Measured>& ours, const std::vector<Measured>& manual) {
    std::ofstream file(request.json);
    file << fmt::format(
        "{{\"gb\": {}, \"outage_s\": {:.2f}, \"redundant_s\": {:.2f}, \"total_s\": {:.2f}, \"manual_total_s\": {:.2f}, "
        "\"manual_outage_s\": {:.2f}}}\n",
        request.gigabytes, median(ours, &Measured::outage), median(ours, &Measured::redundant),
        median(ours, &Measured::total), median(manual, &Measured::total), median(manual, &Measured::outage));
    return file.flush() ? Status() : Status(Error{Errc::io, "cannot write " + request.json.string()});
}

Status run(const Request& request) {
    const std::unique_ptr<support::Stand> stand = TRY(make_polygon(request));
    std::vector<Measured> ours;
    std::vector<Measured> manual;
    for (int round = 1; round <= request.rounds; ++round) {
        say("{} GB, round {} of {}\n", request.gigabytes, round, request.rounds);
        if (const Status done = run_round(*stand, request, ours, manual); !done) {
            if (!support::is_interrupted()) stand->workspace().print_log_tails();
            return done;
        }
    }
    return write_json(request, ours, manual);
}

}  // namespace
}  // namespace polygon::bench

int main(int argc, char** argv) {
    using namespace polygon;
    if (argc != 6) {
        fmt::print(stderr, "usage: polygon-rebuild-bench BACKUP PROGRAMS GB ROUNDS JSON\n");
        return exit_status(Errc::usage);
    }
    configure_log("polygon-rebuild-bench", LogLevel::info, LogFormat::text);
    support::watch_for_interrupt();
    const Status done = bench::run({argv[1], argv[2], argv[3], std::atoi(argv[4]), argv[5]});
    if (done) return 0;
    if (support::is_interrupted()) return 128 + SIGINT;
    log_error(done.error());
    return exit_status(done.error().code);
}
