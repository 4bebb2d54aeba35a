#include "common/sanitize/shared_names.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/printable.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;

std::string write_plainly(Connection& session, const std::vector<Piece>& statement) {
    std::string text;
    for (const Piece& piece : statement)
        text += piece.kind == Piece::Kind::sql ? piece.text : session.quote_identifier(piece.text);
    return text;
}

std::string look_up(const Piece& name) {
    const bool is_role = name.kind == Piece::Kind::role;
    return fmt::format(
        "(SELECT {0} FROM pg_catalog.{1} WHERE pg_catalog.namesend({0}) = "
        "pg_catalog.decode('{2:02x}', 'hex'))",
        is_role ? "rolname" : "datname", is_role ? "pg_authid" : "pg_database",
        fmt::join(std::vector<unsigned char>(name.text.begin(), name.text.end()), ""));
}

std::string write_by_bytes(Connection& session, const std::vector<Piece>& statement) {
    std::string format;
    std::string names;
    for (const Piece& piece : statement) {
        if (piece.kind != Piece::Kind::sql) {
            format += "%I";
            names += ", " + look_up(piece);
            continue;
        }
        for (const char c : piece.text)
            format += c == '%' ? std::string("%%") : std::string(1, c);
    }
    const std::string body =
        fmt::format("BEGIN EXECUTE pg_catalog.format({}{}); END", session.quote_literal(format), names);
    return "DO " + session.quote_literal(body);
}

}  // namespace

Status execute_on(Connection& session, const std::vector<Piece>& statement) {
    const bool is_plain =
        std::all_of(statement.begin(), statement.end(), [](const Piece& piece) { return is_utf8(piece.text); });
    return session.execute(is_plain ? write_plainly(session, statement) : write_by_bytes(session, statement));
}

}  // namespace polygon::sanitize
