#include "tests/support/demo.h"

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/support/proofs.h"
#include "tests/support/stand.h"
#include "tests/support/waiting.h"

namespace polygon::support {
namespace {

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
        {"polygon: etcd, three Patroni nodes, other passwords, database thai_polygon, more WAL than production",
         &Stand::make_polygon, [](Stand& stand) { return lsn_line(stand.polygon()); }},
        {"pg_basebackup -Ft -Xs -z --checkpoint=fast from production; then more rows wait in its partner's slot",
         &Stand::take_backup, [](Stand& stand) { return stand.backup().string(); }},
        {"rebuild: the polygon's nodes stop", &Stand::stop_polygon, nothing},
        {"rebuild: polygon-rebuild reset --leader polygon1", [](Stand& stand) { return stand.reset("polygon1"); },
         [](Stand& stand) { return stand.reset_output(); }},
        {"rebuild: the nodes start under polygon-entrypoint, their old data in place",
         [](Stand& stand) { return stand.start_polygon(SystemIdentifier::fresh); }, nothing},
        {"rebuild: polygon1 bootstraps from the backup, the others clone it", &Stand::wait_for_polygon,
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

Status print_certificate(Stand& stand) {
    say("polygon-rebuild verify:\n" + TRY(stand.polygon_rebuild({"verify"})).out);
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
    TRY(print_certificate(stand));
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
