#include "common/sanitize/ties/foreign_servers.h"

#include <functional>

#include <fmt/format.h>

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

// Extensions whose functions are told where to connect at each call.
constexpr const char* kDialling =
    "SELECT extname FROM pg_catalog.pg_extension WHERE extname IN ('dblink', 'http', 'pg_net', 'plproxy', "
    "'pgsql_http', "
    "'aws_s3', 'pg_curl') ORDER BY extname";

constexpr const char* kUserMappings =
    "SELECT CASE WHEN umuser = 0 THEN NULL ELSE usename END, srvname FROM pg_catalog.pg_user_mappings ORDER BY 2, 1";

// Wrappers with a password in the server's own options exist (multicorn and its kin). The name has to go by itself.
constexpr const char* kSecretOptions =
    "SELECT srvname, option_name FROM pg_catalog.pg_foreign_server, "
    "LATERAL pg_catalog.pg_options_to_table(srvoptions) "
    "WHERE option_name ~* '(password|passwd|pwd|secret|token|api_?key|access_?key|credential)' "
    "AND option_name !~* '_required$' ORDER BY 1, 2";

std::string user_of(const Row& mapping) {
    return mapping[0].value_or("PUBLIC");
}

// What is done with each of them: nothing, or a DROP.
struct Visit {
    std::function<Status(const Row& mapping)> mapping;
    std::function<Status(const Row& option)> option;
};

Result<Lines> visit_credentials(Connection& session, const Visit& visit) {
    Lines lines;
    for (const Row& mapping : TRY(session.query(kUserMappings))) {
        const std::string line =
            fmt::format("the user mapping of {} on foreign server '{}'", user_of(mapping), *mapping[1]);
        TRY(in_context(visit.mapping(mapping), "cannot drop " + line));
        lines.push_back(line);
    }
    for (const Row& option : TRY(session.query(kSecretOptions))) {
        const std::string line = fmt::format("option {} of foreign server '{}'", *option[1], *option[0]);
        TRY(in_context(visit.option(option), "cannot drop " + line));
        lines.push_back(line);
    }
    return lines;
}

}  // namespace

Result<Lines> list_ways_out(Connection& session) {
    Lines lines;
    for (const Row& server : TRY(session.query(kServers))) {
        std::string where = server[2] ? ", to " + *server[2] : "";
        if (server[2] && server[3]) where += ":" + *server[3];
        lines.push_back(fmt::format("foreign server '{}' of {}{}", *server[0], *server[1], where));
    }
    for (const std::string& extension : TRY(session.column(kDialling)))
        lines.push_back(fmt::format("extension {}, whose callers may connect anywhere", extension));
    return lines;
}

Result<Lines> find_credentials(Connection& session) {
    const auto nothing = [](const Row&) { return Status(); };
    return visit_credentials(session, {.mapping = nothing, .option = nothing});
}

Result<Lines> drop_credentials(Connection& session) {
    const auto drop_mapping = [&](const Row& mapping) {
        const std::string user = mapping[0] ? session.quote_identifier(*mapping[0]) : "PUBLIC";
        return session.execute(
            fmt::format("DROP USER MAPPING FOR {} SERVER {}", user, session.quote_identifier(*mapping[1])));
    };
    const auto drop_option = [&](const Row& option) {
        return session.execute(fmt::format("ALTER SERVER {} OPTIONS (DROP {})", session.quote_identifier(*option[0]),
                                           session.quote_identifier(*option[1])));
    };
    return visit_credentials(session, {.mapping = drop_mapping, .option = drop_option});
}

}  // namespace polygon::sanitize
