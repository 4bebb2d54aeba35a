#include "tests/integration/programs/own_production.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

namespace polygon::test {

namespace stdfs = std::filesystem;

void run_script(Site& site, const stdfs::path& socket, const Script& script) {
    const stdfs::path file = site.path() / "odd.sql";
    std::ofstream(file) << script.sql;
    const process::Finished done = site.run_postgres({"psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-h", socket.string(),
                                                      "-U", "boss", "-d", script.database, "-f", file.string()});
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
}

stdfs::path back_up(const std::string& name, const std::vector<Script>& scripts) {
    Site& site = Site::shared();
    const stdfs::path data = site.path() / name;
    const stdfs::path backup = site.path() / (name + "-backup");
    REQUIRE(site.run_postgres({"initdb", "-D", data.string(), "-U", "boss", "-A", "trust", "--no-sync"}).exit_status ==
            0);
    site.with_server(data, [&](const stdfs::path& socket) {
        for (const Script& script : scripts)
            run_script(site, socket, script);
        REQUIRE(site.run_postgres({"pg_basebackup", "-h", socket.string(), "-U", "boss", "--checkpoint=fast",
                                   "--no-sync", "-Fp", "-Xs", "-D", backup.string()})
                    .exit_status == 0);
    });
    return backup;
}

process::Finished bootstrap_from(const stdfs::path& backup, const std::string& section) {
    Site& site = Site::shared();
    site.clear();
    site.write_configuration(
        fmt::format("  source: {{directory: {}}}\n  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n{}",
                    backup.string(), section));
    return site.bootstrap();
}

postgres::GenerationMarker clone_of(const stdfs::path& backup, const std::string& section) {
    const process::Finished done = bootstrap_from(backup, section);
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK(done.err.find("-secret") == std::string::npos);
    return require(postgres::read_marker(Site::shared().data_directory())).value();
}

void check_refused(const stdfs::path& backup, const std::string& section, Errc code, const std::string& message,
                   const std::string& hint) {
    const process::Finished done = bootstrap_from(backup, section);
    INFO(done.err);
    CHECK(done.exit_status == exit_status(code));
    CHECK_THAT(done.err, ContainsText(message));
    CHECK_THAT(done.err, ContainsText(hint));
    CHECK(Site::shared().has_no_data());
}

bool holds(const Lines& lines, const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
}

process::Finished prove(const stdfs::path& socket) {
    Site& site = Site::shared();
    return site.run({"polygon-post-bootstrap", "--config", site.configuration().string(),
                     "host=" + socket.string() + " dbname=postgres user=postgres"});
}

}  // namespace polygon::test
