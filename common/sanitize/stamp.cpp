#include "common/sanitize/stamp.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/sanitize/shared_names.h"

namespace polygon::sanitize {

using postgres::Connection;

namespace {

// "TABLE", "VIEW" …, as DROP has it; "" if there is nothing of that name.
Result<std::string> find_kind(Connection& session) {
    const auto kinds = TRY(session.column(
        "SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' "
        "WHEN 'S' THEN 'SEQUENCE' WHEN 'c' THEN 'TYPE' WHEN 'i' THEN 'INDEX' ELSE 'TABLE' END "
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = 'polygon' AND relname = 'refresh'"));
    return kinds.empty() ? std::string() : kinds.front();
}

// What ALTER DEFAULT PRIVILEGES of production's gives away.
Status revoke_all(Connection& session) {
    const auto grantees =
        TRY(session.query("SELECT DISTINCT CASE grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(grantee) END "
                          "FROM pg_catalog.pg_class, LATERAL pg_catalog.aclexplode(relacl) "
                          "WHERE oid = 'polygon.refresh'::pg_catalog.regclass AND grantee <> relowner"));
    for (const postgres::Row& grantee : grantees) {
        TRY(execute_on(session, {sql("REVOKE ALL ON polygon.refresh FROM "),
                                 grantee[0] ? role_named(*grantee[0]) : sql("PUBLIC")}));
    }
    return {};
}

// Names of other databases may not exist in this one's encoding. Of `json` the server keeps escapes as they are;
// `jsonb` would have to convert them.
std::string to_ascii(const std::string& json) {
    using Json = nlohmann::ordered_json;
    constexpr bool kOnlyAscii = true;
    return Json::parse(json).dump(-1, ' ', kOnlyAscii, Json::error_handler_t::replace);
}

// The generation that was proven last; none if the table is missing or empty.
Result<std::optional<std::string>> read_stamped_generation(Connection& session) {
    std::optional<std::string> generation;
    if (TRY(session.value("SELECT pg_catalog.to_regclass('polygon.refresh') IS NOT NULL")) != "t") return generation;
    const auto generations =
        TRY(session.column("SELECT generation FROM polygon.refresh ORDER BY proven_at DESC LIMIT 1"));
    if (!generations.empty()) generation = generations.front();
    return generation;
}

}  // namespace

Result<Lines> create_stamp_table(Connection& session) {
    Lines lines;
    TRY(session.execute("CREATE SCHEMA IF NOT EXISTS polygon"));
    TRY(session.execute("ALTER SCHEMA polygon OWNER TO CURRENT_USER"));
    const std::string kind = TRY(find_kind(session));
    if (!kind.empty()) {
        TRY(session.execute(fmt::format("DROP {} polygon.refresh CASCADE", kind)));
        lines.push_back("dropped production's own polygon.refresh");
    }
    TRY(
        session.execute("CREATE TABLE polygon.refresh (generation text PRIMARY KEY, "
                        "proven_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(), "
                        "marker json NOT NULL, verified_at timestamptz, certificate json)"));
    TRY(revoke_all(session));
    return lines;
}

Status stamp(Connection& session, const postgres::GenerationMarker& marker, const std::string& certificate) {
    return in_context(
        session.execute("INSERT INTO polygon.refresh (generation, marker, certificate) VALUES ($1, $2::json, $3::json) "
                        "ON CONFLICT (generation) DO UPDATE "
                        "SET marker = excluded.marker, certificate = excluded.certificate",
                        {marker.generation, to_ascii(postgres::to_json(marker)), to_ascii(certificate)}),
        "cannot stamp table polygon.refresh");
}

Status store_certificate(Connection& session, const std::string& generation, const std::string& certificate) {
    return session.execute("UPDATE polygon.refresh SET certificate = $1::json WHERE generation = $2",
                           {to_ascii(certificate), generation});
}

Result<std::optional<std::string>> read_carried_generation(Connection& session) {
    // As bytes: the file is UTF-8, the database may be anything. The file begins with the generation.
    const std::string of_file =
        TRY(session.value("SELECT COALESCE(pg_catalog.substring(pg_catalog.encode(pg_catalog.pg_read_binary_file("
                          "'polygon.json', 0, 1048576, true), 'escape'), '\"generation\": *\"([^\"]+)\"'), '')"));
    if (!of_file.empty()) return std::optional(of_file);
    return read_stamped_generation(session);
}

Result<postgres::GenerationMarker> read_stamp(Connection& session) {
    const std::optional<std::string> generation = TRY(read_stamped_generation(session));
    if (!generation) {
        return Error{Errc::not_proven,
                     "table polygon.refresh names no generation: no polygon-post-bootstrap proved this server",
                     "Rebuild the polygon: polygon-rebuild reset."};
    }
    return postgres::marker_from_json(
        TRY(session.value("SELECT marker::text FROM polygon.refresh WHERE generation = $1", {*generation})),
        "polygon.refresh");
}

}  // namespace polygon::sanitize
