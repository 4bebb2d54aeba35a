// A quarantine that cannot be closed, and what would lead our own sessions out of one that is.
#include <fstream>

#include <fmt/format.h>

#include "common/postgres/generation_marker.h"
#include "tests/integration/faults/faulty_run.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;

process::Finished bootstrap_without_isolation(Site& site, const process::Environment& variables = {}) {
    return site.run({POLYGON_WITHOUT_ISOLATION, "polygon-bootstrap", "--config", site.configuration().string(),
                     "--scope=polygon", "--datadir=" + site.data_directory().string()},
                    variables);
}

TEST_CASE("a quarantine that nothing can cut off from the network is refused, with what the kernel answered") {
    Site& site = Site::shared();
    site.clear();
    site.publisher().count_connections();
    const process::Finished done = bootstrap_without_isolation(site);
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::unsupported));
    CHECK_THAT(done.err,
               ContainsText("nothing can be cut off from the network here: network namespace: Operation not permitted; "
                            "socket filter: Operation not permitted"));
    CHECK_THAT(done.err, ContainsText("HINT: Allow user namespaces (sysctl user.max_net_namespaces, AppArmor) or "
                                      "seccomp(2). Or let polygon.quarantine.isolation be 'preferred'"));
    CHECK(done.err.find("restoring") == std::string::npos);
    CHECK(site.has_no_data());
    CHECK(site.publisher().count_connections() == 0);
    const process::Finished planned =
        site.run({POLYGON_WITHOUT_ISOLATION, "polygon-bootstrap", "plan", "--config", site.configuration().string()});
    CHECK(planned.exit_status == exit_status(Errc::unsupported));
}

TEST_CASE("under quarantine.isolation: preferred it is a warning, and the certificate says so") {
    Site& site = Site::shared();
    site.clear();
    const process::Finished done = bootstrap_without_isolation(site, {{"POLYGON_QUARANTINE_ISOLATION", "preferred"}});
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("WARNING polygon-bootstrap: the quarantine can reach the network isolation=none "
                                      "because=\"nothing can be cut off"));
    CHECK(require(postgres::read_marker(site.data_directory()))->isolation == "none");
    // As the trigger does that dials out: what `required` is there for.
    CHECK(site.publisher().count_connections() == 1);
}

TEST_CASE("an address in the environment leads no session of the quarantine away from it") {
    Site& site = Site::shared();
    const stdfs::path services = site.path() / "services.conf";
    std::ofstream(services) << "[production]\nhost=production.example\nhostaddr=127.0.0.1\n";
    for (const process::Environment& variables :
         {process::Environment{{"PGHOSTADDR", "127.0.0.1"}},
          process::Environment{{"PGSERVICE", "production"}, {"PGSERVICEFILE", services.string()}}}) {
        INFO(variables.begin()->first);
        site.clear();
        const process::Finished done = site.bootstrap(variables);
        INFO(done.err);
        CHECK(done.exit_status == exit_status(Errc::configuration));
        CHECK_THAT(done.err, ContainsText("PGHOSTADDR or PGSERVICE would lead every connection to one address"));
        CHECK(site.has_no_data());
    }
}

// Without the flush a power cut after the restore could leave a tablespace that is not whole.
TEST_CASE("with fsync off in the quarantine, a tablespace that cannot be flushed afterwards is no clone") {
    if (!faults::is_supported()) return;
    Site& site = Site::shared();
    const stdfs::path data = site.path() / "spread";
    const stdfs::path backup = site.path() / "spread-backup";
    const stdfs::path place = require(site.workspace().make_directory("spread-fast"));
    const stdfs::path here = require(site.workspace().make_directory("here")) / "fast";
    REQUIRE(site.run_postgres({"initdb", "-D", data.string(), "-U", "boss", "-A", "trust", "--no-sync"}).exit_status ==
            0);
    site.with_server(data, [&](const stdfs::path& socket) {
        site.query(socket, "boss", "postgres", "CREATE ROLE app");
        site.query(socket, "boss", "postgres", fmt::format("CREATE TABLESPACE fast LOCATION '{}'", place.string()));
        site.query(socket, "boss", "postgres", "CREATE TABLE t TABLESPACE fast AS SELECT 1");
        REQUIRE(site.run_postgres({"pg_basebackup", "-h", socket.string(), "-U", "boss", "--checkpoint=fast",
                                   "--no-sync", "-Ft", "-Xs", "-D", backup.string()})
                    .exit_status == 0);
    });
    const auto configure = [&] {
        site.clear();
        site.write_configuration(fmt::format(
            "  source: {{directory: {}}}\n  tablespaces: {{{}: {}}}\n  quarantine: {{parameters: {{fsync: off, "
            "full_page_writes: off}}}}\n  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n",
            backup.string(), place.string(), here.string()));
    };
    const auto bootstrap_with = [&](const faults::FaultPage& page) {
        stdfs::permissions(page.file(), stdfs::perms::all);  // for the servers' user
        return site.bootstrap({{"LD_PRELOAD", POLYGON_FAULT_LIBRARY},
                               {faults::kPageVariable, page.file().string()},
                               {faults::kBelowVariable, here.parent_path().string()}});
    };
    std::uint32_t flushes = 0;
    {
        configure();
        const faults::FaultPage counting(site.path() / "page");
        const process::Finished done = bootstrap_with(counting);
        INFO(done.err);
        REQUIRE(done.exit_status == 0);
        flushes = counting->counts[faults::flush_all];
    }
    configure();
    const faults::FaultPage failing(site.path() / "page");
    failing->failing_call = faults::flush_all;
    failing->failing_at = flushes;  // the last: behind the quarantine
    failing->failing_with = EIO;
    const process::Finished done = bootstrap_with(failing);
    INFO(done.err);
    CHECK(failing->has_failed == 1);
    CHECK(done.exit_status == exit_status(Errc::io));
    CHECK_THAT(done.err, ContainsText("recovering in quarantine"));
    CHECK_THAT(done.err, ContainsText("cannot flush the file system of"));
    CHECK(site.has_no_data());
}

}  // namespace
}  // namespace polygon::test
