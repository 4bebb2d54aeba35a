// Utility statements on roles and databases of any name. All databases share the catalogs of these names, which are
// bytes there, in the encoding of whichever database they were given in. A session in a UTF-8 database reads a name
// from one in LATIN1 as it is, which is no UTF-8, and the server refuses it in a statement.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/postgres/connection.h"

namespace polygon::sanitize {

// Of a statement: SQL, or the name of a role or a database, unquoted.
struct Piece {
    enum class Kind { sql, role, database };
    Kind kind = Kind::sql;
    std::string text;
};

inline Piece sql(std::string text) {
    return {Piece::Kind::sql, std::move(text)};
}
inline Piece role_named(std::string name) {
    return {Piece::Kind::role, std::move(name)};
}
inline Piece database_named(std::string name) {
    return {Piece::Kind::database, std::move(name)};
}

// Where a name is no UTF-8 the server looks it up by its bytes and runs the statement from PL/pgSQL, which not every
// statement allows (DROP DATABASE does not).
Status execute_on(postgres::Connection& session, const std::vector<Piece>& statement);

}  // namespace polygon::sanitize
