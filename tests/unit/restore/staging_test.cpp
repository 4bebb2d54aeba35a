#include <filesystem>

#include "bootstrap/restore/staging/copy.h"
#include "bootstrap/restore/staging/serving.h"
#include "bootstrap/restore/staging/staging_role.h"
#include "tests/support/catch.h"

namespace polygon::bootstrap {
namespace {

TEST_CASE("the one-time password is HMAC-SHA256 of the generation by Patroni's replication password") {
    // printf 'polygon staging g1' | openssl dgst -sha256 -hmac geheim
    CHECK(derive_staging_password(Secret("geheim"), "g1").value().reveal() ==
          "c2c858e77cb8a60ddd86e1f740c4bcac561a4d37cccef05eec2fa208aca1b0c8");
    CHECK(derive_staging_password(Secret("geheim"), "g2").value() !=
          derive_staging_password(Secret("geheim"), "g1").value());
    const auto none = derive_staging_password(Secret(), "g1");
    CHECK(none.error().code == Errc::configuration);
    CHECK(none.error().message == "postgresql.authentication.replication has no password");
}

TEST_CASE("a staged clone is served on the host at which Patroni's own server is reached") {
    const auto host_of = [](const std::string& connect_address, const std::string& listen) {
        return find_served_host({.listen = listen, .connect_address = connect_address});
    };
    CHECK(host_of("10.0.0.1:5432", "*:5432").value() == "10.0.0.1");
    CHECK(host_of("[fd00::1]:5432", "").value() == "fd00::1");
    CHECK(host_of("node1", "").value() == "node1");
    CHECK(host_of("", "127.0.0.1,10.0.0.1:5432").value() == "127.0.0.1");
    CHECK(host_of("", "*:5432").error().code == Errc::configuration);
    CHECK(host_of("", "0.0.0.0:5432").error().hint == "Set postgresql.connect_address.");
    CHECK(format_address("10.0.0.1", 7) == "10.0.0.1:7");
    CHECK(format_address("fd00::1", 7) == "[fd00::1]:7");
}

TEST_CASE("a free port is one of this node's") {
    CHECK(find_free_port("127.0.0.1").value() > 0);
    const auto elsewhere = find_free_port("192.0.2.1");  // nobody's (RFC 5737)
    CHECK(elsewhere.error().code == Errc::configuration);
    CHECK(elsewhere.error().message.starts_with("cannot listen on '192.0.2.1' for replicas: "));
}

TEST_CASE("TLS is Patroni's, with files where its own server finds them") {
    patroni::PostgresqlSection section{.data_dir = "/pg/data"};
    section.parameters = {{"ssl", "off"}, {"ssl_cert_file", "/tls/a.crt"}};
    CHECK(tls_parameters(section).empty());
    CHECK(staging_access({}) == "host replication polygon_staging all scram-sha-256\n");
    section.parameters["ssl"] = "True";
    section.parameters["ssl_ciphers"] = "HIGH";
    section.parameters["work_mem"] = "1GB";
    const postgres::ServerParameters tls = tls_parameters(section);
    CHECK(tls == postgres::ServerParameters{{"ssl", "on"},
                                            {"ssl_cert_file", "/tls/a.crt"},
                                            {"ssl_ciphers", "HIGH"},
                                            {"ssl_key_file", "/pg/data/server.key"}});
    CHECK(staging_access(tls) == "hostssl replication polygon_staging all scram-sha-256\n");
}

TEST_CASE("the sizes that pg_control keeps are no larger than Patroni's defaults, whatever the quarantine has") {
    patroni::QuarantineSettings settings;
    settings.parameters.value = {{"shared_preload_libraries", "timescaledb"},
                                 {"max_locks_per_transaction", "4096"},
                                 {"max_connections", "500"},
                                 {"work_mem", "7MB"}};
    const auto parameters = staging_parameters(settings, {.major_version = 15}, {}, 3);
    CHECK(parameters.at("shared_preload_libraries") == "timescaledb");
    CHECK(parameters.at("work_mem") == "7MB");
    CHECK_FALSE(parameters.contains("max_locks_per_transaction"));
    CHECK(parameters.at("max_connections") == "20");
    CHECK(parameters.at("max_wal_senders") == "10");
    CHECK(parameters.at("wal_keep_size") == "1GB");
    CHECK(staging_parameters(settings, {.major_version = 15}, {}, 9).at("max_wal_senders") == "18");
}

TEST_CASE("a copy reaches the leader as Patroni's replication role would, under the one-time role") {
    const patroni::Credentials replication{.username = "replicator",
                                           .connection = {{"sslmode", "verify-full"}, {"sslrootcert", "/ca.crt"}}};
    const auto conninfo = staged_leader_conninfo("[fd00::1]:7", replication, Secret("geheim")).value();
    CHECK(conninfo.text() ==
          "application_name='pg-polygon' host='fd00::1' port='7' sslmode='verify-full' "
          "sslrootcert='/ca.crt' user='polygon_staging'");
    CHECK(conninfo.password == Secret("geheim"));
    CHECK(staged_leader_conninfo("host", replication, Secret("x")).error().code == Errc::usage);
    for (const char* address : {"/tmp:5432", "a,b:5432", "h' port='1:5432", "@abstract:5432", ":5432", "h:5432x"}) {
        INFO(address);
        CHECK_THAT(staged_leader_conninfo(address, replication, Secret("x")).error().message,
                   ContainsText("is not the address of one server"));
    }
    const auto refused = staged_leader_conninfo("h:1", {.key_password = Secret("geheim")}, Secret("x"));
    CHECK(refused.error().code == Errc::configuration);
    CHECK(refused.error().message.find("geheim") == std::string::npos);
}

TEST_CASE("tablespaces of a staged leader go to the same place here, or where they are said to go") {
    const postgres::Rows rows = {{"16384", "/fast.staged"}, {"16385", "/slow.staged"}, {"1663", ""}};
    const auto placed = place_staged_tablespaces(rows, {{"/prod/fast", "/fast"}, {"/slow", "/here/slow"}}).value();
    REQUIRE(placed.size() == 2);
    CHECK(placed.at("16384").production_path == "/fast.staged");
    CHECK(placed.at("16384").staged_path == "/fast.staged");
    CHECK(placed.at("16385").production_path == "/slow.staged");
    CHECK(placed.at("16385").staged_path == "/here/slow.staged");
    const auto missing = place_staged_tablespaces(rows, {{"/prod/fast", "/fast"}});
    CHECK(missing.error().code == Errc::configuration);
    CHECK(missing.error().message == "the leader's tablespace in '/slow' has no place here");
}

}  // namespace
}  // namespace polygon::bootstrap
