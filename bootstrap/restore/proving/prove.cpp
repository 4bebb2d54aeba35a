#include "bootstrap/restore/proving/prove.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
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
        proof_.access = lost_access();
        if (proof_.role == etcd::ServerRole::unknown || !proof_.is_visible) return;
        if (proof_.access.empty()) note(find_lost_map(), "cannot look at its access rules");
        std::optional<etcd::Login> failed;  // the last one, unless it was passed over
        const sanitize::ConnectTo watched = [&](const std::string& database) {
            Result<Connection> session = connect_to_(database);
            failed.reset();
            if (!session) failed = local_login(configuration_, local_, database, session.error().message);
            return session;
        };
        const auto looked = sanitize::collect_evidence(watched, {}, sanitize::Moment::later);
        if (looked) return;
        if (looked.error().code != Errc::connection) return note(looked.error(), "cannot look at its databases");
        if (failed) proof_.logins.push_back(*std::move(failed));
    }

    // Without rules of Patroni's a new data directory has ours, by which nobody is let in without a password.
    std::string lost_access() const {
        const patroni::PostgresqlSection& section = configuration_.postgresql;
        if (patroni::has_lasting_access_rules(section, cluster_.dynamic)) return "";
        std::vector<std::string> roles;
        if (section.superuser.password.is_empty()) roles.emplace_back("superuser");
        if (section.replication.password.is_empty()) roles.emplace_back("replication");
        if (section.rewind && section.rewind->password.is_empty()) roles.emplace_back("rewind");
        if (roles.empty()) return "";
        return fmt::format(
            "Patroni's configuration sets no postgresql.pg_hba, and no password for {}: the pg_hba.conf of a new data "
            "directory would not let it in",
            fmt::join(roles, " and "));
    }

    // A superuser who is let in by another name than the system's, by a map that the new data directory has not.
    Status find_lost_map() {
        constexpr std::string_view kByPatroni = "overwritten by Patroni";  // patroni/postgresql/config.py, ConfigWriter
        if (!local_.is_by_socket()) return {};
        Connection session = TRY(connect_to_(configuration_.postgresql.database));
        const auto maps = TRY(session.column(  // of the first line that matches, which is the one that counts
            "SELECT o FROM (SELECT auth_method, options FROM pg_catalog.pg_hba_file_rules WHERE type = 'local' "
            "AND error IS NULL AND user_name && ARRAY['all', SESSION_USER::text] "
            "AND database && ARRAY['all', pg_catalog.current_database()::text] ORDER BY line_number LIMIT 1) rule, "
            "pg_catalog.unnest(options) o WHERE auth_method = 'peer' AND o LIKE 'map=%'"));
        if (maps.empty()) return {};
        const std::filesystem::path file = TRY(session.value("SELECT pg_catalog.current_setting('ident_file')"));
        const std::filesystem::path data = TRY(session.value("SELECT pg_catalog.current_setting('data_directory')"));
        if (file.parent_path() != data || TRY(fs::read_file(file)).find(kByPatroni) != std::string::npos) return {};
        proof_.access = fmt::format(
            "the superuser is let in by {} of {}, and Patroni's configuration sets no postgresql.pg_ident: in a new "
            "data directory that file is empty",
            maps.front(), file.string());
        return {};
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
