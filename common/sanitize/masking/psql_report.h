// What psql says of a file that failed, taken apart: production's values and secrets stay out of what is told.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace polygon::sanitize {

// The first error in psql's stderr under VERBOSITY=verbose, ECHO=errors and lc_messages=C; a file may change all three.
struct PsqlError {
    std::string file;       // as psql names it: the one that \i includes; empty: of no file
    int line = 0;           // where the statement ends, or the data of its COPY; 0: of no file
    std::string sqlstate;   // empty: psql's own error, as of a meta-command, or the file's VERBOSITY shows none
    std::string message;    // the primary message, one line; literals of the statement hidden
    std::string statement;  // redacted, on one line; empty: none was echoed
};

// None if there is no error in it. DETAIL, HINT, CONTEXT and the like hold values, and are never part of it.
std::optional<PsqlError> parse_psql_error(std::string_view err);

// Whether there is nothing in it but the server's WARNING, NOTICE, INFO, LOG and DEBUG, in English. Of several lines a
// verbose one alone may be.
bool says_only_notes(std::string_view err);

}  // namespace polygon::sanitize
