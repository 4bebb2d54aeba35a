#include "bootstrap/restore/proving/prove.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bootstrap/restore/plan.h"
#include "bootstrap/restore/proving/logins.h"
#include "bootstrap/restore/proving/own_server.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/fs/file.h"
#include "common/sanitize/certificate.h"
#include "common/sanitize/evidence.h"
#include "common/sanitize/stamp.h"

namespace polygon::bootstrap {
namespace {

using postgres::Connection;

// What etcd knows of the cluster now.
struct Cluster {
    patroni::ClusterKeys keys;
    std::string dynamic;      // Patroni's key `config`
    std::string certificate;  // the last one that a coordinator has written
};

Result<Cluster> read_cluster(const patroni::Configuration& configuration) {
    etcd::Client client(configuration.etcd3);
    const std::string prefix = configuration.key_prefix();
    Cluster cluster;
    std::vector<patroni::RelativeKey> relative;
    for (const etcd::KeyValue& entry : TRY(client.read_prefix(prefix)).entries) {
        relative.emplace_back(entry.key.substr(prefix.size()), entry.value);
        if (relative.back().first == "config") cluster.dynamic = entry.value;
    }
    cluster.keys = patroni::parse_cluster(relative);
    const auto certificate = TRY(client.read(etcd::RebuildKeys(prefix).certificate()));
    if (certificate) cluster.certificate = certificate->value;
    return cluster;
}

class Proving {
  public:
    Proving(const patroni::Configuration& configuration, const Cluster& cluster, Clock& clock)
        : configuration_(configuration),
          cluster_(cluster),
          clock_(clock),
          data_directory_(configuration.postgresql.data_dir),
          local_(patroni::local_connection(configuration.postgresql, cluster.dynamic)),
          connect_to_(sessions_of(local_, data_directory_)) {}

    etcd::NodeProof take(const Wanted& wanted) {
        proof_ = look_at_own_server(connect_to_, local_, data_directory_);
        proof_.taken_at = format_utc(clock_.wall());
        const bool is_primary = proof_.role == etcd::ServerRole::primary;
        if (wanted.rehearsal) rehearse();
        if (wanted.logins) add_logins();
        if (wanted.evidence && is_primary) note(add_evidence(), "cannot collect the certificate's evidence");
        if (wanted.keeping && is_primary) note(keep_certificate(), "cannot keep the certificate");
        return proof_;
    }

  private:
    void note(const Status& done, std::string_view what) {
        if (!done && proof_.error.empty()) proof_.error = fmt::format("{}: {}", what, done.error().message);
    }

    // One that says no to a database is a login like any other: the new polygon's verification would stop at it.
    void rehearse() {
        if (proof_.role == etcd::ServerRole::unknown) {
            proof_.logins.push_back(
                local_login(configuration_, local_, configuration_.postgresql.database, proof_.error));
        } else {
            proof_.logins.push_back(local_login(configuration_, local_, configuration_.postgresql.database, ""));
        }
        if (!patroni::has_lasting_access_rules(configuration_.postgresql, cluster_.dynamic) &&
            local_.password.is_empty())
            proof_.access = fmt::format(
                "Patroni's configuration sets no postgresql.pg_hba, and the superuser has no password: the pg_hba.conf "
                "of a new data directory would not let it in by {}",
                local_.address());
        if (proof_.role == etcd::ServerRole::unknown || !proof_.is_visible) return;
        const sanitize::ConnectTo watched = [&](const std::string& database) {
            Result<Connection> session = connect_to_(database);
            if (!session)
                proof_.logins.push_back(local_login(configuration_, local_, database, session.error().message));
            return session;
        };
        const auto looked = sanitize::collect_evidence(watched, {}, sanitize::Moment::later);
        if (!looked && looked.error().code != Errc::connection) note(looked.error(), "cannot look at its databases");
    }

    void add_logins() {
        for (etcd::Login& login : try_logins(configuration_, cluster_.keys))
            proof_.logins.push_back(std::move(login));
    }

    Status add_evidence() {
        Connection session = TRY(connect_to_("postgres"));
        postgres::GenerationMarker marker = TRY(sanitize::read_stamp(session));
        sanitize::Certificate certificate{
            .scope = configuration_.scope, .verified_at = format_utc(clock_.wall()), .marker = marker};
        certificate.checks = TRY(sanitize::collect_evidence(connect_to_, marker, sanitize::Moment::later));
        certificate.checks.push_back(
            {"superuser login", true,
             fmt::format("{} on {}, by {}, as Patroni does", TRY(session.value("SELECT SESSION_USER")),
                         configuration_.name, local_.address())});
        TRY(session.execute("UPDATE polygon.refresh SET verified_at = $1::timestamptz WHERE generation = $2",
                            {certificate.verified_at, marker.generation}));
        const std::string after = TRY(session.value("SELECT (pg_catalog.pg_current_wal_lsn() - '0/0')::text"));
        proof_.stamped_lsn = std::strtoull(after.c_str(), nullptr, 10);
        proof_.evidence = sanitize::to_json(sanitize::shortened(std::move(certificate)));
        return {};
    }

    // The coordinator has put the reports together: the leader keeps what it wrote where the data is. Once.
    Status keep_certificate() {
        if (cluster_.certificate.empty() || proof_.generation.empty()) return {};
        const auto certificate = sanitize::parse_certificate(cluster_.certificate);
        if (!certificate || certificate->marker.generation != proof_.generation) return {};
        Connection session = TRY(connect_to_("postgres"));
        const std::string kept =
            TRY(session.value("SELECT COALESCE((SELECT certificate->>'verified_at' FROM polygon.refresh "
                              "WHERE generation = $1), '')",
                              {proof_.generation}));
        if (kept != certificate->verified_at) {
            TRY(sanitize::store_certificate(session, proof_.generation, cluster_.certificate));
            TRY(fs::write_file_durably(sanitize::certificate_path(data_directory_), cluster_.certificate));
        }
        proof_.kept_certificate = certificate->verified_at;
        return {};
    }

    const patroni::Configuration& configuration_;
    const Cluster& cluster_;
    Clock& clock_;
    const postgres::Path data_directory_;
    const patroni::LocalConnection local_;
    const sanitize::ConnectTo connect_to_;
    etcd::NodeProof proof_;
};

}  // namespace

Status prove(const Request& request, const Wanted& wanted, Clock& clock) {
    const patroni::Configuration configuration = TRY(load_configuration(request));
    const Cluster cluster = TRY(read_cluster(configuration));
    const std::string text = etcd::to_json(Proving(configuration, cluster, clock).take(wanted)) + "\n";
    std::fwrite(text.data(), 1, text.size(), stdout);
    return {};
}

}  // namespace polygon::bootstrap
