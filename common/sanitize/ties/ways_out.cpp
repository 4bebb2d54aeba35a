#include "common/sanitize/ties/ways_out.h"

#include <fmt/format.h>

#include "common/sanitize/suspicion.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using postgres::Row;

constexpr const char* kServers =
    "SELECT srvname, fdwname, "
    "(SELECT option_value FROM pg_catalog.pg_options_to_table(srvoptions) "
    "WHERE option_name IN ('host', 'hostaddr', 'servername', 'address', 'dbserver', 'url') LIMIT 1), "
    "(SELECT option_value FROM pg_catalog.pg_options_to_table(srvoptions) WHERE option_name = 'port') "
    "FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = srvfdw ORDER BY srvname";

// Extensions whose functions, or whose part of COPY, are told where to connect, or read that from tables: databases,
// HTTP, queues, caches, mail, clouds' storage and models. Those that act by themselves are not here
// (acting_extensions.h), and wrappers show by their servers.
constexpr const char* kDialling =
    "SELECT extname FROM pg_catalog.pg_extension WHERE extname IN ("
    "'dblink', 'plproxy', 'mimeo', 'pg_jobmon', 'pg_fact_loader', 'pgl_ddl_deploy', 'repmgr', 'powa', 'pgq_node', "
    "'londiste', 'pgpool_adm', 'pgpool_recovery', "
    "'http', 'pgsql_http', 'pg_net', 'pg_curl', 'pg_http', 'ai', 'pgml', 'azure_ai', 'google_ml_integration', "
    "'aws_ml', 'aws_lambda', "
    "'amqp', 'pg_amqp', 'pg_kafka', 'pgmemcache', 'redis', 'pg_redis_pubsub', 'orafce_mail', 'pgsmtp', "
    "'aws_s3', 'azure_storage', 'pg_azure_storage', 'pg_parquet', 'pg_duckdb', 'pg_mooncake', 'pg_lake', "
    "'postgis_raster', 'pg_tde', 'neon') ORDER BY extname";

constexpr const char* kUntrusted =
    "SELECT lanname, count(*), pg_catalog.string_agg(pg_catalog.format('%I.%I', nspname, proname), ', ' "
    "ORDER BY nspname, proname) FILTER (WHERE place <= 5) FROM ("
    "SELECT lanname, nspname, proname, pg_catalog.row_number() OVER (PARTITION BY lanname ORDER BY nspname, proname) "
    "AS place FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = prolang "
    "JOIN pg_catalog.pg_namespace n ON n.oid = pronamespace "
    "WHERE NOT lanpltrusted AND lanname NOT IN ('internal', 'c')) AS f GROUP BY lanname ORDER BY lanname";

// 16384: the first OID that is not initdb's.
constexpr const char* kLibraries =
    "SELECT probin, count(*) FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = prolang "
    "WHERE lanname = 'c' AND p.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE "
    "classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND objid = p.oid AND deptype = 'e') "
    "GROUP BY probin ORDER BY probin";

// Of what may hold more than an address, the address alone.
std::string describe_target(const Row& server) {
    if (!server[2]) return "";
    const std::string target = ", to " + describe_address(*server[2]);
    const bool has_port = server[3] && server[3]->find_first_not_of("0123456789") == std::string::npos;
    return has_port ? target + ":" + *server[3] : target;
}

std::string describe_functions(const Row& language) {
    const bool is_cut = std::stoull(*language[1]) > 5;
    return fmt::format("{} functions in the untrusted language {}, which may connect anywhere: {}{}", *language[1],
                       *language[0], language[2].value_or(""), is_cut ? ", …" : "");
}

}  // namespace

Result<Lines> list_ways_out(Connection& session) {
    Lines lines;
    for (const Row& server : TRY(session.query(kServers)))
        lines.push_back(fmt::format("foreign server '{}' of {}{}", *server[0], *server[1], describe_target(server)));
    for (const std::string& extension : TRY(session.column(kDialling)))
        lines.push_back(fmt::format("extension {}, whose callers may connect anywhere", extension));
    for (const Row& language : TRY(session.query(kUntrusted)))
        lines.push_back(describe_functions(language));
    for (const Row& library : TRY(session.query(kLibraries)))
        lines.push_back(
            fmt::format("{} functions of library '{}', which no extension has", *library[1], library[0].value_or("")));
    return lines;
}

}  // namespace polygon::sanitize
