#include "bootstrap/restore/preload.h"

#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;
using Lines = std::vector<std::string>;

class Libraries {
  public:
    Libraries() {
        stdfs::create_directories(directory / "plugins");
        for (const char* name : {"pg_stat_statements", "pg_cron", "auto_explain", "a,b", "plugins/extra"})
            std::ofstream(directory / (std::string(name) + ".so")) << "x";
        std::ofstream(scratch.path() / "evil.so") << "x";
    }
    Preload choose(const std::string& production) const { return choose_preload(production, directory); }

    support::Scratch scratch;
    stdfs::path directory = scratch.path() / "lib";
};

TEST_CASE("libraries that are installed and start nothing are preloaded, in production's order") {
    const Libraries libraries;
    const Preload preload = libraries.choose("$libdir/plugins/extra, pg_stat_statements, \"a,b\"");
    CHECK(preload.libraries == "$libdir/plugins/extra, pg_stat_statements, \"a,b\"");
    CHECK(preload.left.empty());
    CHECK(libraries.choose("").libraries.empty());
    CHECK(libraries.choose("").left.empty());
}

TEST_CASE("a library that starts something, or is not here, is left with its reason") {
    const Libraries libraries;
    const Preload preload =
        libraries.choose("timescaledb,pg_cron, $libdir/auto_explain.so,absent,pg_stat_statements.so");
    CHECK(preload.libraries == "pg_stat_statements");
    CHECK(preload.left == Lines{"preload library timescaledb was not loaded in the quarantine: it starts a scheduler "
                                "of jobs in each database",
                                "preload library pg_cron was not loaded in the quarantine: it runs jobs",
                                "preload library auto_explain was not loaded in the quarantine: it logs statements",
                                "preload library absent was not loaded in the quarantine: it is not installed here"});
}

TEST_CASE("a library from anywhere else may have come with the backup") {
    const Libraries libraries;
    const std::string evil = (libraries.scratch.path() / "evil").string();
    const std::string inside = (libraries.directory / "pg_stat_statements").string();
    const Preload preload = libraries.choose(evil + ", base/evil, $libdir/../evil, ../evil.so, " + inside);
    CHECK(preload.libraries == "pg_stat_statements");
    CHECK(preload.left.size() == 4);
    CHECK(preload.left.back() ==
          "preload library ../evil.so was not loaded in the quarantine: it is not in the server's library directory");
}

TEST_CASE("a list that cannot be understood, and a server whose libraries are not found, load nothing") {
    const Preload odd = Libraries().choose("a,,b");
    CHECK(odd.libraries.empty());
    CHECK(odd.left ==
          Lines{"no preload library was loaded in the quarantine: production's list of them cannot be understood"});
    const Preload nowhere = choose_preload("pg_stat_statements", std::nullopt);
    CHECK(nowhere.libraries.empty());
    CHECK(nowhere.left ==
          Lines{"preload library pg_stat_statements was not loaded in the quarantine: the server's library "
                "directory was not found"});
}

TEST_CASE("the list is the one that the files gave") {
    postgres::GenerationMarker marker;
    CHECK(production_preload(marker).empty());
    marker.not_carried_over = {{"shared_preload_libraries", "a, b", "postgresql.conf", true}};
    CHECK(production_preload(marker) == "a, b");
}

TEST_CASE("a server that ended is explained by where its libraries are chosen, a timeout is not") {
    const Error ended = explain_failed_preload({Errc::process_failed, "ended", "Look."}, "a, b");
    CHECK(ended.hint ==
          "Look. If a preload library is the reason, or the lack of one, name those to load in "
          "polygon.quarantine.parameters.shared_preload_libraries (loaded: a, b).");
    CHECK_THAT(explain_failed_preload({Errc::process_failed, "ended", "Look."}, "").hint,
               ContainsText("(none was loaded)."));
    CHECK(explain_failed_preload({Errc::timeout, "late", "Wait."}, "a").hint == "Wait.");
}

}  // namespace
}  // namespace polygon::bootstrap
