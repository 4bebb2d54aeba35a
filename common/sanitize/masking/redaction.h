// What of a statement that failed may be shown: its shape, none of its values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace polygon::sanitize {

struct Redacted {
    std::string text;                   // on one line, comments left out, '***' in place of every string literal
    std::vector<std::string> literals;  // what stood in them
};

// Lexes as PostgreSQL does (src/backend/parser/scan.l): '…' with '' in it, E'…' with \', U&'…', B'…', N'…', X'…',
// $$…$$ and $tag$…$tag$; quoted identifiers stay. What is not closed goes to the end. A backslash before a quote in '…'
// ends one literal or goes on with it, as standard_conforming_strings says, which the statement itself may have
// changed: there the text ends.
Redacted redact_literals(std::string_view sql);

// At most `bytes` of it, "…" included, cut where a character of UTF-8 begins.
std::string shorten(std::string text, std::size_t bytes);

}  // namespace polygon::sanitize
