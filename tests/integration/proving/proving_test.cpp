#include "common/etcd/rebuild_keys.h"
#include "common/fs/file.h"
#include "common/sanitize/certificate.h"
#include "tests/integration/proving/proving_site.h"
#include "tests/support/catch.h"
#include "tests/support/require.h"

namespace polygon::proving {
namespace {

using etcd::NodeProof;
using etcd::ServerRole;
using support::require;

// A primary, and standbys one behind the other; made once, left as they are.
Site& site() {
    static Site made;
    static const bool is_started = [] {
        made.start_primary("one", "g1");
        made.start_standby("two", "one");
        made.start_standby("three", "two", {"recovery_min_apply_delay=1h"});
        made.start_standby("blind", "one", {"hot_standby=off"});
        return true;
    }();
    REQUIRE(is_started);
    return made;
}

std::string identifier() {
    return site().query("one", "SELECT system_identifier FROM pg_control_system()");
}

const etcd::Login* find_login(const NodeProof& proof, const std::string& role, const std::string& member) {
    for (const etcd::Login& login : proof.logins) {
        if (login.role == role && login.member == member) return &login;
    }
    return nullptr;
}

TEST_CASE("a primary is seen by its own socket and peer, without any password or line for a host") {
    const NodeProof proof = site().prove("one");
    CHECK(proof.error.empty());
    CHECK(proof.role == ServerRole::primary);
    CHECK(proof.generation == "g1");
    CHECK(proof.system_identifier == identifier());
    CHECK(proof.timeline == 1);
    CHECK(proof.current_lsn > 0);
    CHECK(proof.logins.empty());
    CHECK(proof.evidence.empty());
}

TEST_CASE("a primary says that a base backup waits for its checkpoint, and no longer than it does") {
    CHECK(site().prove("one").waiting_backups == 0);
    // So many pages to write that a checkpoint at leisure takes minutes.
    site().query("one", "CREATE TABLE dirty AS SELECT i, repeat('x', 100) FROM generate_series(1, 100000) AS i");
    process::Child copy = site().start_patient_copy("one");
    const NodeProof waiting =
        site().prove_until("one", [](const NodeProof& proof) { return proof.waiting_backups == 1; });
    CHECK(waiting.cloned_bytes == 0);
    CHECK_FALSE(copy.poll().has_value());
    site().query("one", "CHECKPOINT");  // hurries the one that runs
    CHECK(require(copy.wait(system_clock(), Deadline(system_clock(), std::chrono::seconds(60)))) == 0);
    CHECK(site().prove("one").waiting_backups == 0);
}

TEST_CASE("standbys say whom they receive from, one behind the other, and what they have") {
    const std::uint64_t written = site().prove("one").current_lsn;
    const auto has_it = [&](const NodeProof& proof) { return proof.received_lsn >= written; };
    const NodeProof second = site().prove_until("two", has_it);
    CHECK(second.role == ServerRole::standby);
    CHECK(second.receiver == "streaming");
    CHECK(second.upstream == site().address("one"));
    CHECK(second.generation == "g1");
    CHECK(second.system_identifier == identifier());
    CHECK(second.timeline == 1);
    CHECK(second.received_lsn >= written);
    CHECK_FALSE(second.is_replay_held);
    CHECK(site().prove_until("three", has_it).upstream == site().address("two"));
}

TEST_CASE("a delayed standby says that its replay is held back, and what it has received") {
    site().query("one", "CREATE TABLE later ()");
    const std::uint64_t written = site().prove("one").current_lsn;
    const NodeProof proof =
        site().prove_until("three", [&](const NodeProof& seen) { return seen.received_lsn >= written; });
    CHECK(proof.is_replay_held);
    CHECK(proof.received_lsn >= written);
    CHECK(proof.replayed_lsn < written);
}

TEST_CASE("a standby with hot_standby off is seen by its files") {
    const NodeProof proof = site().prove("blind");
    CHECK(proof.error.empty());
    CHECK(proof.role == ServerRole::standby);
    CHECK_FALSE(proof.is_visible);
    CHECK(proof.generation == "g1");
    CHECK(proof.system_identifier == identifier());
}

TEST_CASE("the leader's evidence is a certificate's part, and names the row after which the leader's WAL counts") {
    const NodeProof proof = site().prove("one", {"--evidence"});
    CHECK(proof.error.empty());
    const sanitize::Certificate certificate = require(sanitize::parse_certificate(proof.evidence));
    CHECK(certificate.marker.generation == "g1");
    CHECK(certificate.scope == "main");
    CHECK(proof.stamped_lsn > 0);
    CHECK(site().query("one",
                       "SELECT to_char(verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM "
                       "polygon.refresh") == certificate.verified_at);
    const NodeProof second =
        site().prove_until("two", [&](const NodeProof& seen) { return seen.replayed_lsn >= proof.stamped_lsn; });
    CHECK(second.replayed_lsn >= proof.stamped_lsn);
    CHECK(site().prove("two", {"--evidence"}).evidence.empty());
}

TEST_CASE("the coordinator's certificate is kept where the data is, if it is this generation's, once") {
    const NodeProof proof = site().prove("one", {"--evidence"});
    const std::string key = etcd::RebuildKeys(kPrefix).certificate();
    REQUIRE(site().client().commit({.compares = {}, .then = {etcd::put(key, proof.evidence)}}).has_value());
    const std::string verified_at = require(sanitize::parse_certificate(proof.evidence)).verified_at;
    CHECK(site().prove("one").kept_certificate.empty());  // nobody has asked for that
    CHECK(site().prove("one", {"--keep-certificate"}).kept_certificate == verified_at);
    CHECK(site().query("one", "SELECT certificate->>'verified_at' FROM polygon.refresh") == verified_at);
    CHECK(site().read_certificate("one") == proof.evidence);
    CHECK(site().prove("two", {"--keep-certificate"}).kept_certificate.empty());
    sanitize::Certificate other = require(sanitize::parse_certificate(proof.evidence));
    other.marker.generation = "g2";
    REQUIRE(site().client().commit({.compares = {}, .then = {etcd::put(key, sanitize::to_json(other))}}).has_value());
    CHECK(site().prove("one", {"--keep-certificate"}).kept_certificate.empty());
    CHECK(site().read_certificate("one") == proof.evidence);
}

TEST_CASE("the logins of a polygon are tried from here to everywhere, and what keeps them out is named") {
    const NodeProof proof = site().prove("two", {"--logins", "--rehearsal"});
    REQUIRE(find_login(proof, "superuser", "two") != nullptr);
    CHECK(find_login(proof, "superuser", "two")->error.empty());
    for (const char* member : {"one", "two", "three"}) {
        INFO(member);
        REQUIRE(find_login(proof, "replication", member) != nullptr);
        CHECK(find_login(proof, "replication", member)->error.empty());
    }
    const etcd::Login* blind = find_login(proof, "replication", "blind");
    REQUIRE(blind != nullptr);
    CHECK_FALSE(blind->error.empty());
    CHECK_FALSE(blind->is_refused);  // it admits nobody: that says nothing of its rules

    site().set_hba("one", "local all all peer\n");
    const NodeProof shut = site().prove("two", {"--logins"});
    const etcd::Login* refused = find_login(shut, "replication", "one");
    REQUIRE(refused != nullptr);
    CHECK(refused->is_refused);
    CHECK(refused->user == "replicator");
    CHECK(refused->address == site().address("one"));
    CHECK_THAT(refused->error, ContainsText("no pg_hba.conf entry for replication connection from host"));
    CHECK(refused->hba_line == "host replication \"replicator\" 127.0.0.1/32 scram-sha-256");
    site().set_hba("one", site().peer_only());
}

TEST_CASE("a wrong password is distinguished from an address without a server") {
    std::string wrong = site().by_peer();
    wrong.replace(wrong.find("secret"), 6, "guessed");
    site().configure("two", wrong);
    const NodeProof proof = site().prove("two", {"--logins"});
    site().configure("two", site().by_peer());
    const etcd::Login* refused = find_login(proof, "replication", "one");
    REQUIRE(refused != nullptr);
    CHECK(refused->is_refused);
    CHECK_THAT(refused->error, ContainsText("password authentication failed"));
    CHECK(refused->hba_line.empty());
    site().put("members/gone", R"({"conn_url":"postgres://127.0.0.1:1/postgres"})");
    const NodeProof later = site().prove("two", {"--logins"});
    const etcd::Login* gone = find_login(later, "replication", "gone");
    REQUIRE(gone != nullptr);
    CHECK_FALSE(gone->error.empty());
    CHECK_FALSE(gone->is_refused);
    CHECK(site().client().commit({.compares = {}, .then = {etcd::remove(kPrefix + "members/gone")}}).has_value());
}

TEST_CASE("a server that has no connection left says nothing of whom it lets in, in whatever language") {
    site().query("one", "CREATE ROLE rewinder LOGIN PASSWORD 'secret' CONNECTION LIMIT 0");
    site().set_hba("one", "host all rewinder 127.0.0.1/32 scram-sha-256\n" + site().peer_only());
    site().configure("two", site().by_peer() + "    rewind: {username: rewinder, password: secret}\n");
    const NodeProof proof = site().prove("two", {"--logins"});
    site().configure("two", site().by_peer());
    site().set_hba("one", site().peer_only());
    site().query("one", "DROP ROLE rewinder");
    const etcd::Login* full = find_login(proof, "rewind", "one");
    REQUIRE(full != nullptr);
    CHECK_FALSE(full->error.empty());
    CHECK(full->is_full);
    CHECK_FALSE(full->is_refused);
    CHECK(full->hba_line.empty());
}

TEST_CASE("a superuser whom its own server keeps out is a refused login with the line that is missing") {
    std::string by_host = site().by_peer();
    by_host.replace(by_host.find("use_unix_socket: true"), 21, "use_unix_socket: false");
    site().configure("two", by_host);
    const NodeProof proof = site().prove("two", {"--rehearsal"});
    site().configure("two", site().by_peer());
    CHECK(proof.role == ServerRole::unknown);
    CHECK_THAT(proof.error, ContainsText("no pg_hba.conf entry for host"));
    const etcd::Login* refused = find_login(proof, "superuser", "two");
    REQUIRE(refused != nullptr);
    CHECK(refused->is_refused);
    CHECK_THAT(refused->hba_line, ContainsText("host \"postgres\" \"" + site().superuser() + "\""));
}

TEST_CASE("how Patroni connects may stand in the dynamic configuration") {
    std::string bare = site().by_peer();
    bare.erase(0, std::string("  use_unix_socket: true\n  pg_hba: [local all all peer]\n").size());
    site().configure("two", bare);
    CHECK(site().prove("two").role == ServerRole::unknown);
    CHECK_THAT(site().prove("two", {"--rehearsal"}).access, ContainsText("sets no postgresql.pg_hba"));
    site().configure("two",
                     "  authentication:\n    superuser: {username: x, password: y}\n    replication: {username: r}\n");
    CHECK_THAT(site().prove("two", {"--rehearsal"}).access, ContainsText("and no password for replication: "));
    site().configure("two", bare);
    site().put("config", R"({"postgresql":{"use_unix_socket":true,"pg_hba":["local all all peer"]}})");
    CHECK(site().prove("two").role == ServerRole::standby);
    CHECK(site().prove("two", {"--rehearsal"}).access.empty());
    CHECK(site().client().commit({.compares = {}, .then = {etcd::remove(kPrefix + "config")}}).has_value());
    site().configure("two", site().by_peer());
}

TEST_CASE("a superuser by a map of names loses it with the data directory, unless Patroni writes pg_ident.conf") {
    site().query("one", "CREATE ROLE boss SUPERUSER LOGIN");
    const std::string map = "admins " + site().superuser() + " boss\n";
    require(fs::replace_file(site().data("one") / "pg_ident.conf", map));
    site().set_hba("one", "local all boss peer map=admins\n" + site().peer_only());
    std::string as_boss = site().by_peer();
    as_boss.replace(as_boss.find("username: "), 10 + site().superuser().size(), "username: boss");
    site().configure("one", as_boss);
    const NodeProof lost = site().prove("one", {"--rehearsal"});
    CHECK(lost.role == ServerRole::primary);
    CHECK_THAT(lost.access, ContainsText("the superuser is let in by map=admins of "));
    require(fs::replace_file(site().data("one") / "pg_ident.conf", "# It will be overwritten by Patroni!\n" + map));
    CHECK(site().prove("one", {"--rehearsal"}).access.empty());
    site().configure("one", site().by_peer());
    site().set_hba("one", site().peer_only());
    site().query("one", "DROP ROLE boss");
}

TEST_CASE("a database that keeps the superuser out is found by the rehearsal") {
    site().query("one", "CREATE DATABASE \"tenant\"");
    site().set_hba("one", "local \"tenant\" all reject\n" + site().peer_only());
    const NodeProof proof = site().prove("one", {"--rehearsal"});
    site().set_hba("one", site().peer_only());
    site().query("one", "DROP DATABASE \"tenant\"");
    bool is_named = false;
    for (const etcd::Login& login : proof.logins)
        is_named = is_named || (login.is_refused && login.hba_line.starts_with("local \"tenant\""));
    CHECK(is_named);
}

}  // namespace
}  // namespace polygon::proving
