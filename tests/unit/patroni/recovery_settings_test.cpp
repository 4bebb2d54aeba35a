// The keys below polygon.source and polygon.recovery that say how and how far.
#include "common/patroni/polygon_settings.h"
#include "tests/support/catch.h"
#include "tests/unit/patroni/folder.h"

namespace polygon::patroni {
namespace {

Result<PolygonSettings> load(const std::string& section, const Environment& environment = {},
                             const Overrides& overrides = {}) {
    const Folder folder;
    return PolygonSettings::load({folder.write("p.yml", "polygon:\n" + section), environment}, overrides);
}

PolygonSettings loaded(const std::string& section, const Environment& environment = {},
                       const Overrides& overrides = {}) {
    const auto read = load(section, environment, overrides);
    INFO((read ? std::string() : read.error().message));
    REQUIRE(read.has_value());
    return *read;
}

// Message and hint, the file's folder taken out.
void check_refused(const std::string& section, const std::string& what, const std::string& hint) {
    INFO(section);
    const auto read = load(section);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().code == Errc::configuration);
    CHECK_THAT(read.error().message, ContainsText(what));
    CHECK(read.error().hint == hint);
}

TEST_CASE("a connection with its rate and its compression") {
    const auto settings = loaded("  source: {connection: host=prod, max_rate: 100M, compression: server-zstd}\n");
    CHECK(settings.source->kind == SourceKind::connection);
    CHECK(settings.source->max_rate.value == "100M");
    CHECK(settings.source->max_rate.origin == "p.yml:2");
    CHECK(settings.source->compression.value == WireCompression::zstd);
    const auto plain = loaded("  source: {connection: host=prod}\n");
    CHECK_FALSE(plain.source->max_rate.value.has_value());
    CHECK(plain.source->compression.value == WireCompression::none);
    for (const char* rate : {"32", "32k", "1048576", "1M", "1024M"})
        CHECK(
            loaded("  source: {connection: host=prod, max_rate: " + std::string(rate) + "}\n").source->max_rate.value ==
            rate);
}

TEST_CASE("a rate that pg_basebackup would not take, and a compression that nobody knows") {
    for (const std::string rate : {"31", "1025M", "1048577", "fast", "10G", "-1", "1 M"}) {
        check_refused("  source: {connection: host=prod, max_rate: '" + rate + "'}\n", "is no rate: '" + rate + "'",
                      "Write kilobytes a second, or a number with k or M, from 32k to 1024M.");
    }
    check_refused("  source: {connection: host=prod, compression: zstd}\n", "'polygon.source.compression' in ",
                  "Allowed: none, server-gzip, server-lz4, server-zstd.");
}

TEST_CASE("rate and compression are of a connection alone") {
    check_refused("  source: {directory: /b, max_rate: 1M}\n", "line 2 says nothing about this source",
                  "It belongs to source.connection; take it out.");
    check_refused("  source: {command: 'x {datadir}', compression: server-lz4}\n", "'polygon.source.compression' in ",
                  "It belongs to source.connection; take it out.");
}

TEST_CASE("whether a manifest is required can be said of any source") {
    CHECK(loaded("  source: {directory: /b}\n").source->verify.value == Verification::available);
    CHECK(loaded("  source: {directory: /b, verify: manifest}\n").source->verify.value == Verification::manifest);
    CHECK(
        loaded("  source: {command: 'x {datadir}'}\n", {{"POLYGON_SOURCE_VERIFY", "manifest"}}).source->verify.value ==
        Verification::manifest);
    check_refused("  source: {directory: /b, verify: yes}\n", "'polygon.source.verify' in ",
                  "Allowed: available, manifest.");
}

TEST_CASE("a stronger source comes with what is said about it, and without what was said about the weaker one") {
    const std::string file = "  source: {connection: host=prod, max_rate: 1M}\n";
    const auto other = loaded(file, {{"POLYGON_SOURCE_DIRECTORY", "/b"}});
    CHECK(other.source->kind == SourceKind::directory);
    const auto both =
        loaded(file, {{"POLYGON_SOURCE_COMPRESSION", "server-gzip"}, {"POLYGON_SOURCE_CONNECTION", "x=y"}});
    CHECK(both.source->value == "x=y");
    CHECK(both.source->compression.value == WireCompression::gzip);
    CHECK_FALSE(both.source->max_rate.value.has_value());
    const auto rate = loaded(file, {}, {{"source.max_rate", "2M"}});
    CHECK(rate.source->value == "host=prod");
    CHECK(rate.source->max_rate.value == "2M");
}

TEST_CASE("each target of recovery, with its timeline and whether it is included") {
    using Kind = RecoveryTarget::Kind;
    const std::pair<const char*, std::pair<Kind, const char*>> targets[] = {
        {"target_time: '2026-11-20 03:00:00+00'", {Kind::time, "2026-11-20 03:00:00+00"}},
        {"target_lsn: 16/B374D848", {Kind::lsn, "16/B374D848"}},
        {"target_xid: 4711", {Kind::xid, "4711"}}};
    for (const auto& [text, expected] : targets) {
        const auto settings = loaded("  recovery: {restore_command: c, target_timeline: 3, target_inclusive: false, " +
                                     std::string(text) + "}\n");
        REQUIRE(settings.recovery.target.has_value());
        CHECK(settings.recovery.target->kind == expected.first);
        CHECK(settings.recovery.target->value == expected.second);
        CHECK(settings.recovery.target->origin == "p.yml:2");
        CHECK(settings.recovery.target_timeline.value == "3");
        CHECK_FALSE(settings.recovery.target_inclusive.value);
    }
    const auto named = loaded("  recovery: {restore_command: c, target_name: before the fall}\n");
    CHECK(named.recovery.target->key() == "target_name");
    CHECK(named.recovery.target_inclusive.value);
    CHECK_FALSE(loaded("  recovery: {restore_command: c}\n").recovery.target.has_value());
}

TEST_CASE("contradictions in recovery") {
    check_refused("  recovery: {restore_command: c, target_time: now, target_xid: 7}\n",
                  "line 2 stands beside 'polygon.recovery.target_time'",
                  "Recovery stops at one target: keep one of them.");
    check_refused("  recovery: {target_time: now}\n", "needs recovery.restore_command beside it",
                  "The WAL beyond the backup's end comes from production's archive; say how it is fetched.");
    for (const char* text : {"target_name: x, ", ""}) {
        check_refused("  recovery: {restore_command: c, " + std::string(text) + "target_inclusive: true}\n",
                      "says nothing about this recovery", "It belongs to target_time, target_lsn and target_xid.");
    }
}

TEST_CASE("targets that are not what they should be") {
    const std::string start = "  recovery: {restore_command: c, ";
    for (const std::string lsn : {"16", "16/", "/1", "16/G", "123456789/0"})
        check_refused(start + "target_lsn: '" + lsn + "'}\n", "is no position in the WAL: '" + lsn + "'",
                      "Write it as 16/B374D848.");
    for (const std::string xid : {"0", "x", "1x", "-1", "99999999999"})
        check_refused(start + "target_xid: '" + xid + "'}\n", "is no transaction's number: '" + xid + "'",
                      "Write digits alone.");
    check_refused(start + "target_timeline: newest}\n", "is no timeline: 'newest'",
                  "Write latest, current or a number.");
    check_refused(start + "target_xid: 1, target_inclusive: maybe}\n", "cannot be 'maybe'",
                  "Allowed: true, false, on, off, yes, no.");
}

TEST_CASE("a stronger target replaces the other") {
    const std::string file = "  recovery: {restore_command: c, target_time: now}\n";
    const auto settings = loaded(file, {{"POLYGON_RECOVERY_TARGET_XID", "9"}});
    CHECK(settings.recovery.target->kind == RecoveryTarget::Kind::xid);
    CHECK(settings.recovery.target->origin == "POLYGON_RECOVERY_TARGET_XID");
    const auto twice = load(file, {{"POLYGON_RECOVERY_TARGET_XID", "9"}, {"POLYGON_RECOVERY_TARGET_NAME", "n"}});
    REQUIRE_FALSE(twice.has_value());
    CHECK_THAT(twice.error().message, ContainsText("stands beside 'polygon.recovery.target_xid'"));
}

}  // namespace
}  // namespace polygon::patroni
