#include "common/sanitize/masking/psql_report.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "common/sanitize/masking/redaction.h"

namespace polygon::sanitize {
namespace {

constexpr std::size_t kStatementBytes = 200;
constexpr std::size_t kMessageBytes = 400;
constexpr std::size_t kShortestLiteral = 3;  // shorter ones would hide letters of other words
constexpr std::size_t kSqlstateSize = 5;
constexpr std::string_view kProgram = "psql:";
constexpr std::string_view kStatement = "STATEMENT:  ";
constexpr std::array<std::string_view, 2> kOwnErrors = {"error: ", "fatal: "};  // the second before psql 15
constexpr std::array<std::string_view, 3> kSeverities = {"ERROR:  ", "FATAL:  ", "PANIC:  "};

// "psql:FILE:LINE: " before what is said; of no file "psql: ", or nothing.
struct Line {
    std::string_view file;
    int number = 0;
    std::string_view text;
};

bool says_something_known(std::string_view text) {
    const auto begins_text = [&](std::string_view word) { return text.starts_with(word); };
    return text.starts_with(kStatement) || std::any_of(kOwnErrors.begin(), kOwnErrors.end(), begins_text) ||
           std::any_of(kSeverities.begin(), kSeverities.end(), begins_text);
}

// A file's name may hold colons: the place is the first ":NUMBER: " before a word that psql begins its reports with.
Line split_place(std::string_view line) {
    if (!line.starts_with(kProgram)) return {.text = line};
    if (line.substr(kProgram.size()).starts_with(' ')) return {.text = line.substr(kProgram.size() + 1)};
    for (std::size_t colon = line.find(':', kProgram.size()); colon != std::string_view::npos;
         colon = line.find(':', colon + 1)) {
        int number = 0;
        const auto [end, error] = std::from_chars(line.data() + colon + 1, line.data() + line.size(), number);
        const std::string_view after = line.substr(static_cast<std::size_t>(end - line.data()));
        if (error != std::errc() || !after.starts_with(": ") || !says_something_known(after.substr(2))) continue;
        return {
            .file = line.substr(kProgram.size(), colon - kProgram.size()), .number = number, .text = after.substr(2)};
    }
    return {.text = line};
}

std::string_view first_line(std::string_view text) {
    return text.substr(0, text.find('\n'));
}

// "23505: duplicate key …" behind a severity of the server's.
bool split_sqlstate(std::string_view text, PsqlError& error) {
    if (text.size() < kSqlstateSize + 2 || text.substr(kSqlstateSize, 2) != ": ") return false;
    error.sqlstate = std::string(text.substr(0, kSqlstateSize));
    error.message = std::string(text.substr(kSqlstateSize + 2));
    return std::all_of(error.sqlstate.begin(), error.sqlstate.end(),
                       [](unsigned char c) { return std::isdigit(c) != 0 || std::isupper(c) != 0; });
}

std::optional<PsqlError> read_error(const Line& line) {
    PsqlError error{.file = std::string(line.file), .line = line.number};
    for (const std::string_view severity : kSeverities) {
        if (!line.text.starts_with(severity)) continue;
        if (split_sqlstate(line.text.substr(severity.size()), error)) return error;
    }
    for (const std::string_view own : kOwnErrors) {
        if (!line.text.starts_with(own)) continue;
        error.sqlstate.clear();
        error.message = std::string(line.text.substr(own.size()));
        return error;
    }
    return std::nullopt;
}

// The text up to psql's next report; a literal that is cut off by it is hidden to its end.
std::string_view statement_text(std::string_view err, std::size_t begin) {
    const std::size_t next = err.find("\npsql:", begin);
    return err.substr(begin, next == std::string_view::npos ? next : next - begin);
}

void replace_all(std::string& text, const std::string& what, std::string_view with) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

// Class 22 (data exception) quotes the value that it does not like, which may be a row's; a syntax error quotes what
// stands there, a literal with its quotes.
void redact_message(PsqlError& error, const std::vector<std::string>& literals) {
    for (const std::string& literal : literals) {
        if (literal.size() >= kShortestLiteral) replace_all(error.message, literal, "***");
    }
    const std::size_t first = error.message.find('"');
    const std::size_t last = error.message.rfind('"');
    if (error.sqlstate.starts_with("22") && first != std::string::npos)
        error.message.replace(first, (last > first ? last + 1 : error.message.size()) - first, "\"***\"");
    if (const std::size_t quote = error.message.find('\''); error.sqlstate == "42601" && quote != std::string::npos)
        error.message.replace(quote, std::string::npos, "'***");
    if (const std::size_t dollar = error.message.find('$'); error.sqlstate == "42601" && dollar != std::string::npos)
        error.message.replace(dollar, std::string::npos, "$***");
    error.message = shorten(std::move(error.message), kMessageBytes);
}

}  // namespace

std::optional<PsqlError> parse_psql_error(std::string_view err) {
    std::optional<PsqlError> error;
    std::vector<std::string> literals;
    for (std::size_t begin = 0; begin < err.size();) {
        const Line line = split_place(first_line(err.substr(begin)));
        if (!error) {
            error = read_error(line);
        } else if (line.text.starts_with(kStatement) && line.number == error->line && line.file == error->file) {
            const auto text = static_cast<std::size_t>(line.text.data() - err.data()) + kStatement.size();
            Redacted redacted = redact_literals(statement_text(err, text));
            error->statement = shorten(std::move(redacted.text), kStatementBytes);
            literals = std::move(redacted.literals);
            break;
        } else if (read_error(line)) {
            break;  // another one's statement
        }
        begin = std::min(err.find('\n', begin), err.size() - 1) + 1;
    }
    if (error) redact_message(*error, literals);
    return error;
}

}  // namespace polygon::sanitize
