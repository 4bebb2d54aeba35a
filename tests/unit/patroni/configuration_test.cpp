#include "common/patroni/configuration.h"

#include "tests/support/catch.h"
#include "tests/unit/patroni/folder.h"

namespace polygon::patroni {
namespace {

constexpr const char* kWhole = R"(scope: main
name: node1
namespace: /test/
etcd3:
  hosts: 10.0.0.1:2379, 10.0.0.2
  protocol: https
  username: patroni
  password: geheim
  cacert: /ca.pem
  cert: /c.pem
  key: /k.pem
restapi:
  listen: 0.0.0.0:8008
  connect_address: 10.0.0.1:8008
  certfile: /rest.pem
  keyfile: /rest.key
  cafile: /rest-ca.pem
  authentication: {username: admin, password: admin-word}
ctl:
  insecure: on
  cacert: /ctl-ca.pem
postgresql:
  listen: 127.0.0.1:5432
  connect_address: 10.0.0.1:5432
  data_dir: /var/lib/data
  bin_dir: /usr/lib/postgresql/15/bin
  pgpass: /tmp/pgpass
  authentication:
    superuser: {username: boss, password: boss-word, sslmode: require, sslpassword: key-word}
    replication: {username: rep, password: rep-word}
  parameters:
    unix_socket_directories: /run/a, /run/b
    max_connections: 50
)";

constexpr const char* kSmall = R"(scope: main
name: node1
etcd3: {host: 127.0.0.1:2379}
postgresql: {data_dir: /data}
)";

Result<Configuration> load_text(const std::string& text, Environment environment = {}) {
    const Folder folder;
    return Configuration::load({folder.write("patroni.yml", text), std::move(environment)});
}

// The error of loading `text`, with the folder's name, which no one can foresee, taken out.
Error error_of(const std::string& text) {
    const Folder folder;
    Error error = Configuration::load({folder.write("patroni.yml", text), {}}).error();
    const std::string name = folder.path().string();
    for (std::size_t at = 0; (at = error.message.find(name)) != std::string::npos;)
        error.message.replace(at, name.size(), "");
    return error;
}

std::vector<std::string> urls_of(const std::string& etcd3, const Environment& environment = {}) {
    const auto configuration =
        load_text("scope: s\nname: n\npostgresql: {data_dir: /d}\netcd3: " + etcd3 + "\n", environment);
    INFO((configuration ? std::string() : configuration.error().message));
    REQUIRE(configuration.has_value());
    return configuration->etcd3.urls;
}

TEST_CASE("reads what Patroni reads") {
    const auto read = load_text(kWhole);
    REQUIRE(read.has_value());
    CHECK(read->scope == "main");
    CHECK(read->name == "node1");
    CHECK(read->name_space == "test");
    CHECK(read->key_prefix() == "/test/main/");
    CHECK(read->etcd3.urls == std::vector<std::string>{"https://10.0.0.1:2379", "https://10.0.0.2:2379"});
    CHECK(read->etcd3.user == "patroni");
    CHECK(read->etcd3.password == Secret("geheim"));
    CHECK(read->etcd3.tls.ca_file == "/ca.pem");
    CHECK(read->etcd3.tls.certificate_file == "/c.pem");
    CHECK(read->etcd3.tls.key_file == "/k.pem");
    CHECK(read->restapi.listen == "0.0.0.0:8008");
    CHECK(read->restapi.connect_address == "10.0.0.1:8008");
    CHECK(read->restapi.certificate_file == "/rest.pem");
    CHECK(read->restapi.authentication->user == "admin");
    CHECK(read->postgresql.listen == "127.0.0.1:5432");
    CHECK(read->postgresql.data_dir == "/var/lib/data");
    CHECK(read->postgresql.bin_dir == "/usr/lib/postgresql/15/bin");
    CHECK(read->postgresql.superuser.username == "boss");
    CHECK(read->postgresql.superuser.connection.at("sslmode") == "require");
    CHECK(read->postgresql.superuser.key_password == Secret("key-word"));
    CHECK_FALSE(read->postgresql.superuser.connection.contains("sslpassword"));
    CHECK(read->postgresql.replication.password == Secret("rep-word"));
    CHECK_FALSE(read->postgresql.rewind.has_value());
    CHECK(read->postgresql.parameters.at("max_connections") == "50");
}

TEST_CASE("calls the REST API as Patroni's tools do: by ctl, else by restapi") {
    const auto read = load_text(kWhole);
    REQUIRE(read.has_value());
    CHECK(read->rest_client.auth->user == "admin");
    CHECK(read->rest_client.auth->password == Secret("admin-word"));
    CHECK(read->rest_client.tls.ca_file == "/ctl-ca.pem");
    CHECK(read->rest_client.tls.certificate_file == "/rest.pem");
    CHECK(read->rest_client.tls.key_file == "/rest.key");
    CHECK(read->rest_client.tls.verification == http::Verification::none);
}

TEST_CASE("has Patroni's defaults") {
    const auto read = load_text(kSmall);
    REQUIRE(read.has_value());
    CHECK(read->name_space == "service");
    CHECK(read->key_prefix() == "/service/main/");
    CHECK(read->postgresql.superuser.username.empty());
    CHECK(read->postgresql.superuser.password.is_empty());
    CHECK_FALSE(read->restapi.authentication.has_value());
    CHECK(read->rest_client.tls.verification == http::Verification::peer);
}

TEST_CASE("lays PATRONI_* over the file, an empty variable not") {
    const auto read = load_text(kWhole, {{"PATRONI_SCOPE", "other"},
                                         {"PATRONI_NAME", ""},
                                         {"PATRONI_NAMESPACE", "/ns"},
                                         {"PATRONI_ETCD3_HOSTS", "a:1,'b:2'"},
                                         {"PATRONI_ETCD3_PROTOCOL", "http"},
                                         {"PATRONI_ETCD3_PASSWORD", "new"},
                                         {"PATRONI_ETCD3_CACERT", "/new-ca"},
                                         {"PATRONI_RESTAPI_USERNAME", "u"},
                                         {"PATRONI_RESTAPI_CONNECT_ADDRESS", "h:1"},
                                         {"PATRONI_CTL_INSECURE", "off"},
                                         {"PATRONI_POSTGRESQL_DATA_DIR", "/new"},
                                         {"PATRONI_SUPERUSER_PASSWORD", "super"},
                                         {"PATRONI_REPLICATION_USERNAME", "rep2"},
                                         {"PATRONI_REWIND_USERNAME", "rew"},
                                         {"PATRONI_SUPERUSER_SSLMODE", "disable"}});
    REQUIRE(read.has_value());
    CHECK(read->scope == "other");
    CHECK(read->name == "node1");
    CHECK(read->key_prefix() == "/ns/other/");
    CHECK(read->etcd3.urls == std::vector<std::string>{"http://a:1", "http://b:2"});
    CHECK(read->etcd3.user == "patroni");
    CHECK(read->etcd3.password == Secret("new"));
    CHECK(read->etcd3.tls.ca_file == "/new-ca");
    CHECK(read->restapi.authentication->user == "u");
    CHECK(read->restapi.authentication->password == Secret("admin-word"));
    CHECK(read->restapi.connect_address == "h:1");
    CHECK(read->rest_client.tls.verification == http::Verification::peer);
    CHECK(read->postgresql.data_dir == "/new");
    CHECK(read->postgresql.superuser.username == "boss");
    CHECK(read->postgresql.superuser.password == Secret("super"));
    CHECK(read->postgresql.superuser.connection.at("sslmode") == "disable");
    CHECK(read->postgresql.replication.username == "rep2");
    CHECK(read->postgresql.rewind->username == "rew");
}

TEST_CASE("without a file reads the environment, or PATRONI_CONFIGURATION and nothing over it") {
    Environment environment = {{"PATRONI_SCOPE", "main"},
                               {"PATRONI_NAME", "n"},
                               {"PATRONI_ETCD3_HOST", "h:1"},
                               {"PATRONI_POSTGRESQL_DATA_DIR", "/d"}};
    const auto bare = Configuration::load({std::nullopt, environment});
    REQUIRE(bare.has_value());
    CHECK(bare->source == "the environment");
    CHECK(bare->etcd3.urls == std::vector<std::string>{"http://h:1"});
    environment["PATRONI_CONFIGURATION"] = kSmall;
    environment["PATRONI_SCOPE"] = "ignored";
    const auto whole = Configuration::load({std::nullopt, environment});
    REQUIRE(whole.has_value());
    CHECK(whole->scope == "main");
    CHECK(whole->source == "PATRONI_CONFIGURATION");
    CHECK(whole->postgresql.data_dir == "/data");
}

TEST_CASE("reads the hosts of etcd in every way that Patroni knows") {
    CHECK(urls_of("{hosts: 'a:1,b:2'}") == std::vector<std::string>{"http://a:1", "http://b:2"});
    CHECK(urls_of("{hosts: [a:1, b]}") == std::vector<std::string>{"http://a:1", "http://b:2379"});
    CHECK(urls_of("{hosts: a, port: 99}") == std::vector<std::string>{"http://a:99"});
    CHECK(urls_of("{hosts: ['https://a:1/', 'http://b:2']}") == std::vector<std::string>{"https://a:1", "http://b:2"});
    CHECK(urls_of("{hosts: ['[::1]:23', '[::1]']}") ==
          std::vector<std::string>{"http://[::1]:23", "http://[::1]:2379"});
    CHECK(urls_of("{host: 127.0.0.1}") == std::vector<std::string>{"http://127.0.0.1:2379"});
    CHECK(urls_of("{url: 'https://e/', hosts: a}") == std::vector<std::string>{"https://e:2379"});
    CHECK(urls_of("{proxy: 'http://p:1'}") == std::vector<std::string>{"http://p:1"});
    CHECK(urls_of("{host: a}", {{"PATRONI_ETCD3_HOSTS", "- b:1\n- c:2"}}) ==
          std::vector<std::string>{"http://b:1", "http://c:2"});
    CHECK(urls_of("{host: a}", {{"PATRONI_ETCD3_URL", "https://u:9"}}) == std::vector<std::string>{"https://u:9"});
}

TEST_CASE("takes user and password out of etcd's url") {
    const auto read = load_text("scope: s\nname: n\npostgresql: {data_dir: /d}\netcd3: {url: 'http://u:p@h:1'}\n");
    REQUIRE(read.has_value());
    CHECK(read->etcd3.urls == std::vector<std::string>{"http://h:1"});
    CHECK(read->etcd3.user == "u");
    CHECK(read->etcd3.password == Secret("p"));
}

TEST_CASE("reads the users where Patroni before 1.4 had them") {
    const auto read = load_text(
        "scope: s\nname: n\netcd3: {host: h}\n"
        "postgresql: {data_dir: /d, replication: {username: r}, pg_rewind: {username: w, password: p}}\n");
    REQUIRE(read.has_value());
    CHECK(read->postgresql.replication.username == "r");
    CHECK(read->postgresql.superuser.username == "w");
}

TEST_CASE("names the key that is missing and the file") {
    const Error scope = error_of("name: n\n");
    CHECK(scope.code == Errc::configuration);
    CHECK(scope.message == "'scope' is missing in '/patroni.yml'");
    CHECK(scope.hint == "Set it there, or by PATRONI_SCOPE.");
    CHECK(error_of("scope: s\n").message == "'name' is missing in '/patroni.yml'");
    CHECK(error_of("scope: s\nname: n\n").message == "'postgresql.data_dir' is missing in '/patroni.yml'");
    const Error hosts = error_of("scope: s\nname: n\npostgresql: {data_dir: /d}\netcd3: {port: 1}\n");
    CHECK(hosts.code == Errc::configuration);
    CHECK(hosts.message == "'etcd3.hosts' is missing in '/patroni.yml'");
    CHECK(hosts.hint == "Set it there, or by PATRONI_ETCD3_HOSTS.");
    CHECK(error_of("scope: [s]\nname: n\n").message == "'scope' in '/patroni.yml' line 1 is not a plain value");
}

TEST_CASE("refuses another store than etcd3, which Patroni takes by name, and Citus") {
    const std::string head = "scope: s\nname: n\npostgresql: {data_dir: /d}\n";
    const Error two = error_of(head + "etcd: {host: h}\netcd3: {host: h}\n");
    CHECK(two.code == Errc::unsupported);
    CHECK(two.message == "Patroni's configuration store is 'etcd' in '/patroni.yml' line 4");
    CHECK(two.hint == "Only etcd3 is supported.");
    CHECK(error_of(head + "zookeeper: {hosts: h}\n").message ==
          "Patroni's configuration store is 'zookeeper' in '/patroni.yml' line 4");
    CHECK(load_text(head + "etcd3: {host: h}\nzookeeper: {hosts: h}\n").has_value());
    CHECK(error_of(head + "etcd3: {srv: example.org}\n").message == "'etcd3.srv' in '/patroni.yml' line 4");
    CHECK(error_of(head + "etcd3: {host: h}\ncitus: {group: 0, database: c}\n").message ==
          "Citus is configured in '/patroni.yml' line 5");
    const auto variable = load_text(head, {{"PATRONI_CONSUL_HOST", "h"}});
    REQUIRE_FALSE(variable.has_value());
    CHECK(variable.error().message == "Patroni's configuration store is 'consul' in 'PATRONI_CONSUL_HOST'");
}

TEST_CASE("an empty pg_hba is none, as Patroni has it") {
    const auto has_rules = [](const std::string& value) {
        return load_text(
                   "scope: main\nname: node1\netcd3: {host: 127.0.0.1:2379}\n"
                   "postgresql: {data_dir: /data, pg_hba: " +
                   value + "}\n")
            ->postgresql.has_pg_hba;
    };
    CHECK(has_rules("[local all all peer]"));
    CHECK_FALSE(has_rules("[]"));
    CHECK_FALSE(has_rules("null"));
}

}  // namespace
}  // namespace polygon::patroni
