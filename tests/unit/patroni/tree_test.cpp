#include "common/patroni/tree.h"

#include "tests/support/catch.h"
#include "tests/unit/patroni/folder.h"

namespace polygon::patroni {
namespace {

TEST_CASE("knows the line of each node, follows aliases and merge keys, and lets the last of two keys win") {
    const auto tree =
        parse_yaml("a: &x\n  b: 1\n  c: [p, q]\nd:\n  <<: *x\n  b: 2\ne: *x\na2: 1\na2: 2\n", "/etc/p.yml");
    REQUIRE(tree.has_value());
    CHECK(tree->find_path("a.b")->place.full() == "'/etc/p.yml' line 2");
    CHECK(tree->find_path("a.b")->place.brief() == "p.yml:2");
    CHECK(tree->find_path("a.c")->items[1].scalar == "q");
    CHECK(tree->find_path("d.b")->scalar == "2");
    CHECK(tree->find_path("d.c")->items.size() == 2);
    CHECK(tree->find_path("e.b")->scalar == "1");
    CHECK(tree->find_path("e")->place.line == 7);
    CHECK(tree->find_path("a2")->scalar == "2");
    CHECK(tree->find_path("a.nothing") == nullptr);
}

TEST_CASE("what is not YAML is an error with file and line") {
    const auto tree = parse_yaml("a: 1\nb: [1, 2\n", "/etc/p.yml");
    REQUIRE_FALSE(tree.has_value());
    CHECK(tree.error().code == Errc::configuration);
    CHECK_THAT(tree.error().message, ContainsText("'/etc/p.yml' line 3 is not YAML: "));
}

TEST_CASE("merges maps, replaces the rest, and removes by null") {
    Node base = *parse_yaml("a: {b: 1, c: 2}\nd: [1]\ne: 1\n", "1");
    merge(base, *parse_yaml("a: {c: 3}\nd: [2]\ne: null\nf: 4\n", "2"));
    CHECK(base.find_path("a.b")->scalar == "1");
    CHECK(base.find_path("a.c")->scalar == "3");
    CHECK(base.find_path("a.c")->place.file == "2");
    CHECK(base.find_path("d")->items[0].scalar == "2");
    CHECK(base.find("e") == nullptr);
    CHECK(base.find_path("f")->scalar == "4");
}

TEST_CASE("a folder is its *.yml and *.yaml merged in the order of their names") {
    const Folder folder;
    folder.write("20.yaml", "a: 2\nc: 3\n");
    folder.write("10.yml", "a: 1\nb: 1\n");
    folder.write("30.yml.off", "a: 9\n");
    folder.write("40.yml", "");
    const auto tree = load_yaml(folder.path());
    REQUIRE(tree.has_value());
    CHECK(tree->find("a")->scalar == "2");
    CHECK(tree->find("b")->scalar == "1");
    CHECK(tree->find("c")->place.brief() == "20.yaml:2");
}

TEST_CASE("a path that is not there, a folder without YAML and a file that is a list are errors") {
    const Folder folder;
    const std::string missing = (folder.path() / "no.yml").string();
    CHECK(load_yaml(missing).error().message == "cannot read '" + missing + "': No such file or directory");
    CHECK(load_yaml(missing).error().hint == "Name Patroni's YAML file, or the folder that holds it.");
    CHECK(load_yaml(folder.path()).error().message == "no *.yml or *.yaml in '" + folder.path().string() + "'");
    const std::string list = folder.write("list.yml", "- 1\n").string();
    CHECK(load_yaml(list).error().message == "'" + list + "' is not a YAML mapping");
}

}  // namespace
}  // namespace polygon::patroni
