// A node whose files cannot be read for a while: nothing is taken as absent, and it goes on when they can.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/fs/file.h"
#include "common/postgres/generation_marker.h"
#include "tests/integration/agent/node.h"
#include "tests/integration/etcd/server.h"
#include "tests/integration/faults/faulty_run.h"
#include "tests/support/catch.h"
#include "tests/unit/http/test_server.h"

namespace polygon::faults {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

// A cluster of generation g2 that another node leads, live; the node's own data is of g1, with a tablespace.
struct Site {
    Site()
        : client({.urls = {etcd.url()}}),
          leader([](const http::Received&) { return http::answer(200, R"({"state":"running","role":"primary"})"); }),
          node("two", etcd.url()),
          root(node.places().data.parent_path()) {
        const etcd::Generation proven{.generation = "g2", .leader = "one", .system_identifier = "200"};
        put("/service/main/initialize", "200");
        put("/service/main/leader", "one");
        put("/service/main/members/one",
            fmt::format(R"({{"api_url":"{}/patroni","state":"running","role":"primary"}})", leader.url()));
        put(entrypoint::keys().generation(), to_json(proven));
        stdfs::create_directories(node.places().data / "pg_tblspc");
        stdfs::create_directories(root / "fast");
        std::ofstream(root / "fast/file") << "old";
        stdfs::create_symlink(root / "fast", node.places().data / "pg_tblspc/16384");
    }
    void put(const std::string& key, const std::string& value) {
        REQUIRE(client.commit({.then = {etcd::put(key, value)}}).has_value());
    }
    template <class Condition>
    void require(Condition&& is_so) {
        const bool was_so = wait_until(system_clock(), Deadline(system_clock(), 60s), 20ms, is_so);
        if (!was_so) std::cerr << node.log();
        REQUIRE(was_so);
    }

    etcd::Server etcd;
    etcd::Client client;
    http::TestServer leader;
    entrypoint::Node node;
    stdfs::path root;
};

std::string read(const stdfs::path& path) {
    return fs::read_file(path).value_or("(none)");
}

struct Fault {
    std::string file;
    bool fails_look;
    int reason;
};

TEST_CASE("files that cannot be read wait with the reason, and nothing is removed or set aside for them") {
    if (!is_supported()) return;
    const Fault fault = GENERATE(values<Fault>({{"data/global/pg_control", false, EIO},
                                                {"data/global/pg_control", false, EMFILE},
                                                {"data/global/pg_control", true, EACCES},
                                                {"data/polygon.json", false, EIO},
                                                {"data/postmaster.pid", false, EIO},
                                                {"data/polygon-replaced-by", false, EIO},
                                                {"data/pg_tblspc", true, EIO},
                                                {"data/pg_wal", true, EIO},
                                                {"data.previous/pg_tblspc/16384", true, EIO},
                                                {"data.previous/polygon-replaced-by", false, EIO},
                                                {"data.previous/global/pg_control", true, EIO}}));
    INFO(fault.file << ", " << std::strerror(fault.reason));
    Site site;
    const auto& places = site.node.places();
    const bool is_of_previous = fault.file.starts_with("data.previous");
    if (is_of_previous) {
        stdfs::copy(places.data, places.previous, stdfs::copy_options::recursive | stdfs::copy_options::copy_symlinks);
        std::ofstream(places.previous / "polygon-replaced-by") << "g1";
        std::ofstream(places.previous / "file") << "older";
    }
    const FaultPage page(site.root / "page");
    std::strncpy(page->unreadable, ("/" + fault.file).c_str(), sizeof page->unreadable - 1);
    page->fails_look = fault.fails_look ? 1 : 0;
    page->unreadable_with = fault.reason;
    site.node.start({{"LD_PRELOAD", POLYGON_FAULT_LIBRARY},
                     {kPageVariable, page.file().string()},
                     {kBelowVariable, site.root.string()}});
    std::string decision;
    site.require([&] {
        const auto record = site.node.record(site.client);
        decision = record ? record->decision : "";
        return decision.find(std::strerror(fault.reason)) != std::string::npos;
    });
    INFO(decision);
    CHECK(page->has_failed == 1);
    CHECK(decision.starts_with("wait: "));
    CHECK_THAT(decision, ContainsText(stdfs::path(fault.file).filename().string()));
    CHECK(site.node.generation() == "g1");
    CHECK(site.node.patroni_starts() == 0);
    CHECK(read(site.root / "fast/file") == "old");
    CHECK(stdfs::exists(places.previous / "file") == is_of_previous);
    CHECK_FALSE(stdfs::exists(places.data / "polygon-removing"));

    page->unreadable_with = 0;
    site.require([&] { return site.node.is_patroni_running() && site.node.generation() == "g2"; });
    CHECK(read(places.previous / "pg_tblspc/16384/file") == "old");
    site.node.signal(SIGTERM);
    static_cast<void>(site.node.wait());
}

// polygon-role-change goes by the record: the generation of before would have a replica wiped that has cloned since.
TEST_CASE("a node that cannot read its files does not say that it carries what it carried before") {
    if (!is_supported()) return;
    Site site;
    site.put(entrypoint::keys().generation(),
             to_json(etcd::Generation{.generation = "g1", .leader = "one", .system_identifier = "100"}));
    site.put("/service/main/initialize", "100");
    const FaultPage page(site.root / "page");
    site.node.start({{"LD_PRELOAD", POLYGON_FAULT_LIBRARY},
                     {kPageVariable, page.file().string()},
                     {kBelowVariable, site.root.string()}});
    const auto says = [&](const std::string& generation) {
        const auto record = site.node.record(site.client);
        return record && record->is_patroni_running && record->generation == generation;
    };
    site.require([&] { return says("g1"); });
    std::strncpy(page->unreadable, "/data/postmaster.pid", sizeof page->unreadable - 1);
    page->unreadable_with = EIO;
    site.require([&] { return says(""); });
    page->unreadable_with = 0;
    site.require([&] { return says("g1"); });
    site.node.signal(SIGTERM);
    static_cast<void>(site.node.wait());
}

}  // namespace
}  // namespace polygon::faults
