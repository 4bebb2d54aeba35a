#include "tests/support/demo.h"

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/support/operator_command.h"
#include "tests/support/outage_watch.h"
#include "tests/support/proofs.h"
#include "tests/support/stand.h"
#include "tests/support/waiting.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

constexpr auto kRebuildLimit = 1200s;

void say(const std::string& text) {
    fmt::print("{}\n", text);
    std::fflush(stdout);
}

std::string lsn_line(Cluster& cluster) {
    auto database = cluster.connect_to_leader();
    if (!database) return database.error().message;
    return fmt::format("{}: WAL at {}, system identifier {}", cluster.scope(),
                       database->value("SELECT pg_current_wal_lsn()").value_or("?"),
                       read_system_identifier(*database).value_or("?"));
}

// How the polygon's operator would call it; every node gets its clone while the old polygon still serves.
const std::vector<std::string> kStagedReplicas = {"--set", "replicas=staged"};

// Prints what it prints, as it comes.
Result<int> follow(OperatorCommand& command) {
    std::size_t shown = 0;
    const auto show_more = [&] {
        const bool has_ended = command.poll().has_value();
        const std::string output = command.output();
        fmt::print("{}", std::string_view(output).substr(shown));
        std::fflush(stdout);
        shown = output.size();
        return has_ended || is_interrupted();
    };
    if (!wait_until(system_clock(), Deadline(system_clock(), kRebuildLimit), 200ms, show_more))
        return Error{Errc::timeout, "the rebuild has not come to its end"};
    if (is_interrupted()) return Error{Errc::timeout, "interrupted"};
    return command.wait(1s);
}

Status show_outage(const OutageWatch& watch) {
    const Outage outage = TRY(watch.longest());
    const auto redundant = watch.until_redundant(outage);
    say(fmt::format("{} rows written by a tester meanwhile; the longest time without one: {:.1f} s{}", watch.count(),
                    outage.length().count(),
                    redundant ? fmt::format(", until all replicas stream: {:.1f} s", redundant->count()) : ""));
    return {};
}

Status rebuild(Stand& stand) {
    const OutageWatch watch(stand.polygon(), "thai");
    TRY(watch.wait_for_writes(20));
    OperatorCommand command = TRY(stand.start_rebuild(kStagedReplicas));
    if (const int status = TRY(follow(command)); status != 0)
        return Error{Errc::process_failed, fmt::format("polygon-rebuild run ended with status {}", status)};
    TRY(stand.wait_for_polygon());
    TRY(watch.wait_for_writes(10));
    return show_outage(watch);
}

Status print_operator(Stand& stand, const std::vector<std::string>& arguments) {
    const process::Finished done = TRY(stand.polygon_rebuild(arguments));
    say(done.out);
    if (done.exit_status == 0) return {};
    return Error{Errc::process_failed, fmt::format("polygon-rebuild {} ended with status {}: {}", arguments.front(),
                                                   done.exit_status, done.err)};
}

struct Step {
    std::string title;
    std::function<Status(Stand&)> run;
    std::function<std::string(Stand&)> summary;
};

std::vector<Step> all_steps() {
    const auto nothing = [](Stand&) { return std::string(); };
    return {
        {"production: etcd, three Patroni nodes, database thai; a partner that it exchanges rows with, jobs, foreign "
         "servers",
         &Stand::make_production, [](Stand& stand) { return lsn_line(stand.production()); }},
        {"polygon: etcd, three Patroni nodes under polygon-entrypoint, other passwords, database thai with other rows",
         &Stand::make_service_polygon, [](Stand& stand) { return lsn_line(stand.polygon()); }},
        {"pg_basebackup -Ft -Xs -z --checkpoint=fast from production; then more rows wait in its partner's slot",
         &Stand::take_backup, [](Stand& stand) { return stand.backup().string(); }},
        {"polygon-rebuild plan",
         [](Stand& stand) {
             return print_operator(stand, {"plan", kStagedReplicas.front(), kStagedReplicas.back()});
         },
         nothing},
        {"polygon-rebuild run --yes, while a tester writes to the polygon", rebuild,
         [](Stand& stand) { return lsn_line(stand.polygon()); }},
    };
}

Status run_steps(Stand& stand) {
    int number = 0;
    for (const Step& step : all_steps()) {
        if (is_interrupted()) return Error{Errc::timeout, "interrupted"};
        say(fmt::format("[{}] {}", ++number, step.title));
        const auto begin = std::chrono::steady_clock::now();
        TRY(step.run(stand));
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        std::string summary = step.summary(stand);
        while (summary.ends_with('\n'))
            summary.pop_back();
        if (!summary.empty()) say(summary);
        say(fmt::format("    done in {:.1f} s", took.count()));
    }
    return {};
}

Status run_proofs(Stand& stand) {
    std::string table;
    std::size_t failed = 0;
    for (const Proof& proof : all_proofs()) {
        if (is_interrupted()) return Error{Errc::timeout, "interrupted"};
        say(fmt::format("proving: {}", proof.title));
        const Evidence evidence = proof.check(stand);
        failed += evidence ? 0 : 1;
        table += fmt::format("{:4} | {:50} | {}\n", evidence ? "ok" : "FAIL", proof.title,
                             evidence ? *evidence : evidence.error().message);
    }
    say(fmt::format("\n{:4} | {:50} | {}\n{:-<100}\n{}", "", "proof", "evidence", "", table));
    if (failed == 0) return {};
    return Error{Errc::not_proven, fmt::format("{} of {} proofs failed", failed, all_proofs().size())};
}

Status print_lists(Stand& stand) {
    for (Cluster* cluster : {&stand.production(), &stand.polygon()}) {
        say(fmt::format("patronictl list, {}:\n{}", cluster->scope(), TRY(cluster->list())));
    }
    return {};
}

void print_connections(Cluster& cluster) {
    const auto leader = cluster.leader();
    for (PatroniNode& node : cluster.nodes()) {
        const bool leads = leader && *leader == &node;
        say(fmt::format("  PGPASSWORD={} psql -h 127.0.0.1 -p {} -U postgres thai   # {}{}, REST {}",
                        cluster.credentials().superuser.password, node.postgres_port(), node.name(),
                        leads ? ", leader" : "", node.rest_url()));
    }
    say(fmt::format("  app's password: {}; etcd: {}; logs: <directory>/{}/*/*.log", cluster.credentials().app.password,
                    cluster.etcd().endpoint(), cluster.scope()));
}

Status leave_running(Stand& stand) {
    say("both clusters go on running:");
    print_connections(stand.production());
    print_connections(stand.polygon());
    const std::filesystem::path script = TRY(stand.leave_running());
    say(fmt::format("directory: {}\nend everything with: {}", script.parent_path().string(), script.string()));
    return {};
}

Status show(Stand& stand, AfterDemo after) {
    TRY(run_steps(stand));
    TRY(run_proofs(stand));
    TRY(print_lists(stand));
    for (const char* command : {"verify", "history"}) {
        say(fmt::format("polygon-rebuild {}:", command));
        TRY(print_operator(stand, {command}));
    }
    return after == AfterDemo::leave_running ? leave_running(stand) : Status();
}

}  // namespace

Status run_demo(AfterDemo after) {
    const Lifetime lifetime = after == AfterDemo::leave_running ? Lifetime::outlives_us : Lifetime::ends_with_us;
    const std::unique_ptr<Stand> stand = TRY(Stand::make({.lifetime = lifetime}));
    Status shown = show(*stand, after);
    if (!shown && !is_interrupted()) stand->workspace().print_log_tails();
    return shown;
}

}  // namespace polygon::support
