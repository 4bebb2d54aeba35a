// An etcd that speaks https and asks for a client's certificate, as Patroni's cacert, cert and key give it.
#include "common/etcd/lock.h"
#include "common/process/child.h"
#include "tests/integration/etcd/configured.h"
#include "tests/integration/etcd/server.h"
#include "tests/support/catch.h"

namespace polygon::etcd {
namespace {

using namespace std::chrono_literals;

constexpr const char* kAuthorityHint =
    "Check that etcd3.cacert holds the authority that signed etcd's certificate, and that this is for the host that "
    "etcd3.hosts names.";
constexpr const char* kCertificateHint =
    "Check that etcd3.cert and etcd3.key are a certificate and its key, signed by the authority that etcd trusts.";
constexpr const char* kBrokenOffHint =
    "Check that etcd runs, that etcd3.protocol is what it serves at etcd3.hosts, http or https, and that it trusts "
    "etcd3.cert.";

void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const auto finished =
        process::run_checked({.argv = std::move(arguments)}, system_clock(), Deadline(system_clock(), 60s));
    if (!finished) FAIL(finished.error().message);
}

// An authority and what it has signed: NAME.pem and NAME.key in a folder of its own.
class Authority {
  public:
    Authority() {
        openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                 "-subj", "/CN=authority", "-keyout", folder_ / "ca.key", "-out", folder_ / "ca.pem"});
    }
    // For the server and the client alike: etcd's gateway is a client of etcd itself, with the server's certificate.
    void sign(const std::string& name) const {
        const std::string extensions = folder_.write("extensions", "subjectAltName=IP:127.0.0.1\n");
        openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + name,
                 "-keyout", folder_ / (name + ".key"), "-out", folder_ / (name + ".csr")});
        openssl({"x509", "-req", "-in", folder_ / (name + ".csr"), "-CA", folder_ / "ca.pem", "-CAkey",
                 folder_ / "ca.key", "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out",
                 folder_ / (name + ".pem")});
    }
    std::string file(const std::string& name) const { return folder_ / name; }

  private:
    Folder folder_;
};

// Made once: a server, whom it trusts, and somebody else.
struct Stand {
    Authority authority;
    Authority stranger;
    std::unique_ptr<Server> server;

    Stand() {
        authority.sign("server");
        authority.sign("client");
        stranger.sign("client");
        server = std::make_unique<Server>(
            Scheme::https, std::vector<std::string>{"--cert-file=" + authority.file("server.pem"),
                                                    "--key-file=" + authority.file("server.key"), "--client-cert-auth",
                                                    "--trusted-ca-file=" + authority.file("ca.pem")});
    }
    // hosts without a scheme, as Patroni has them.
    std::string hosts() const { return server->url().substr(std::string("https://").size()); }
};

const Stand& stand() {
    static const Stand kStand;
    return kStand;
}

std::string section(const std::string& authority, const std::string& certificate, const std::string& key) {
    std::string lines = "  hosts: " + stand().hosts() + "\n  protocol: https\n  cacert: " + authority;
    if (!certificate.empty()) lines += "\n  cert: " + certificate + "\n  key: " + key;
    return lines;
}

// A read and a transaction fail alike, as nothing can have been done.
void check_refused(const Settings& settings, const std::string& hint) {
    Client client(settings);
    const auto read = client.read("/a");
    const auto written = client.commit({.then = {put("/a", "1")}});
    REQUIRE_FALSE(read.has_value());
    REQUIRE_FALSE(written.has_value());
    INFO(read.error().message << "; " << written.error().message);
    CHECK(read.error().code == Errc::etcd_unavailable);
    CHECK(read.error().hint == hint);
    CHECK_THAT(read.error().message, ContainsText("etcd at '" + settings.urls[0] + "' cannot serve kv/range: "));
    CHECK(written.error().hint == hint);
    CHECK_THAT(written.error().message, ContainsText("etcd at '" + settings.urls[0] + "' cannot serve kv/txn: "));
}

// etcd's alert may be lost when it hangs up at once; then all that is known is that it did.
void check_not_trusted(const Settings& settings) {
    Client client(settings);
    for (const Error& error : {client.read("/a").error(), client.commit({.then = {put("/a", "1")}}).error()}) {
        INFO(error.message << " " << error.hint);
        CHECK(error.code == Errc::etcd_unavailable);
        const bool is_unknown = error.message.find("is unknown") != std::string::npos;
        CHECK((is_unknown || error.hint == kCertificateHint || error.hint == kBrokenOffHint));
    }
}

TEST_CASE("a client with a certificate is served over https, and so is its lock") {
    const Authority& ours = stand().authority;
    const Settings settings =
        configured(section(ours.file("ca.pem"), ours.file("client.pem"), ours.file("client.key")));
    Client client(settings);
    const auto lease = client.grant_lease(60s);
    REQUIRE(lease.has_value());
    CHECK(client.commit({.then = {put("/leader", "a", lease->id)}})->succeeded);
    CHECK(client.keep_alive(lease->id).has_value());
    CHECK((*client.read("/leader"))->value == "a");
    const auto lock = Lock::acquire(settings, "/lock", "me", 3s, system_clock());
    REQUIRE(lock.has_value());
    system_clock().sleep(4s);
    CHECK((*lock)->is_held());
}

TEST_CASE("an etcd that another authority has signed is refused") {
    const Authority& ours = stand().authority;
    check_refused(
        configured(section(stand().stranger.file("ca.pem"), ours.file("client.pem"), ours.file("client.key"))),
        kAuthorityHint);
    check_refused(configured(section(ours.file("nothing.pem"), ours.file("client.pem"), ours.file("client.key"))),
                  kAuthorityHint);
}

TEST_CASE("a client without a certificate, or with another authority's, is refused") {
    const Authority& ours = stand().authority;
    const Authority& theirs = stand().stranger;
    check_not_trusted(configured(section(ours.file("ca.pem"), "", "")));
    check_not_trusted(configured(section(ours.file("ca.pem"), theirs.file("client.pem"), theirs.file("client.key"))));
    check_refused(configured(section(ours.file("ca.pem"), ours.file("nothing.pem"), ours.file("client.key"))),
                  kCertificateHint);
    check_refused(configured(section(ours.file("ca.pem"), ours.file("client.pem"), theirs.file("client.key"))),
                  kCertificateHint);
}

TEST_CASE("the wrong protocol is among what may be wrong where etcd breaks off") {
    const auto failed = Client(configured("  hosts: " + stand().hosts())).read("/a");
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().hint == kBrokenOffHint);
    const Server plain;
    check_refused(configured("  protocol: https\n  hosts: " + plain.url().substr(std::string("http://").size())),
                  kBrokenOffHint);
}

}  // namespace
}  // namespace polygon::etcd
