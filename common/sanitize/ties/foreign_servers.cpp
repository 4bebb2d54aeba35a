#include "common/sanitize/ties/foreign_servers.h"

#include <functional>

#include <fmt/format.h>

#include "common/sanitize/shared_names.h"
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

// Extensions whose functions are told where to connect at each call.
constexpr const char* kDialling =
    "SELECT extname FROM pg_catalog.pg_extension WHERE extname IN ('dblink', 'http', 'pg_net', 'plproxy', "
    "'pgsql_http', "
    "'aws_s3', 'pg_curl') ORDER BY extname";

constexpr const char* kUserMappings =
    "SELECT CASE WHEN umuser = 0 THEN NULL ELSE usename END, srvname FROM pg_catalog.pg_user_mappings ORDER BY 2, 1";

// Wrappers with a password in other options exist (multicorn and its kin). What to ALTER, its name, option and value.
constexpr const char* kOptions =
    "SELECT pg_catalog.format('FOREIGN DATA WRAPPER %I', fdwname), "
    "pg_catalog.format('foreign-data wrapper ''%s''', fdwname), option_name, option_value "
    "FROM pg_catalog.pg_foreign_data_wrapper, LATERAL pg_catalog.pg_options_to_table(fdwoptions) "
    "UNION ALL SELECT pg_catalog.format('SERVER %I', srvname), pg_catalog.format('foreign server ''%s''', srvname), "
    "option_name, option_value FROM pg_catalog.pg_foreign_server, "
    "LATERAL pg_catalog.pg_options_to_table(srvoptions) "
    "UNION ALL SELECT pg_catalog.format('FOREIGN TABLE %I.%I', nspname, relname), "
    "pg_catalog.format('foreign table ''%s.%s''', nspname, relname), option_name, option_value "
    "FROM pg_catalog.pg_foreign_table JOIN pg_catalog.pg_class c ON c.oid = ftrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace, LATERAL pg_catalog.pg_options_to_table(ftoptions) "
    "UNION ALL SELECT pg_catalog.format('FOREIGN TABLE %I.%I ALTER COLUMN %I', nspname, relname, attname), "
    "pg_catalog.format('column ''%s'' of foreign table ''%s.%s''', attname, nspname, relname), "
    "option_name, option_value FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_class c ON c.oid = attrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace, LATERAL pg_catalog.pg_options_to_table(attfdwoptions) "
    "WHERE NOT attisdropped ORDER BY 2, 3";

bool is_credential(const Row& option) {
    const std::string value = option[3].value_or("");
    return holds_credential(value) || (names_secret(*option[2]) && !is_switch(value));
}

std::string user_of(const Row& mapping) {
    return mapping[0].value_or("PUBLIC");
}

// Of what may hold more than an address, the address alone.
std::string describe_target(const Row& server) {
    if (!server[2]) return "";
    const std::string target = ", to " + describe_address(*server[2]);
    const bool has_port = server[3] && server[3]->find_first_not_of("0123456789") == std::string::npos;
    return has_port ? target + ":" + *server[3] : target;
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
    for (const Row& option : TRY(session.query(kOptions))) {
        if (!is_credential(option)) continue;
        const std::string line = fmt::format("option {} of {}", *option[2], *option[1]);
        TRY(in_context(visit.option(option), "cannot drop " + line));
        lines.push_back(line);
    }
    return lines;
}

}  // namespace

Result<Lines> list_ways_out(Connection& session) {
    Lines lines;
    for (const Row& server : TRY(session.query(kServers))) {
        lines.push_back(fmt::format("foreign server '{}' of {}{}", *server[0], *server[1], describe_target(server)));
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
        return execute_on(session, {sql("DROP USER MAPPING FOR "), mapping[0] ? role_named(*mapping[0]) : sql("PUBLIC"),
                                    sql(" SERVER " + session.quote_identifier(*mapping[1]))});
    };
    const auto drop_option = [&](const Row& option) {
        return session.execute(
            fmt::format("ALTER {} OPTIONS (DROP {})", *option[0], session.quote_identifier(*option[2])));
    };
    return visit_credentials(session, {.mapping = drop_mapping, .option = drop_option});
}

}  // namespace polygon::sanitize
