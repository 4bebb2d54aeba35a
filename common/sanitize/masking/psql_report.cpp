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
// The second before psql 15. A warning says what of the file psql has ignored.
constexpr std::array<std::string_view, 3> kOwnErrors = {"error: ", "fatal: ", "warning: "};
constexpr std::array<std::string_view, 3> kSeverities = {"ERROR:  ", "FATAL:  ", "PANIC:  "};
// What a file's own client_min_messages lets through, and INFO, which comes always.
constexpr std::array<std::string_view, 5> kNotes = {"WARNING:  ", "NOTICE:  ", "INFO:  ", "LOG:  ", "DEBUG:  "};
constexpr std::string_view kLocation = "LOCATION:  ";  // the last line of a verbose report

// "psql:FILE:LINE: " before what is said; of no file "psql: ", or nothing.
struct Line {
    std::string_view file;
    int number = 0;
    std::string_view text;
};

bool says_something_known(std::string_view text) {
    const auto begins_text = [&](std::string_view word) { return text.starts_with(word); };
    return text.starts_with(kStatement) || std::any_of(kOwnErrors.begin(), kOwnErrors.end(), begins_text) ||
           std::any_of(kSeverities.begin(), kSeverities.end(), begins_text) ||
           std::any_of(kNotes.begin(), kNotes.end(), begins_text);
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

// "23505: duplicate key …" behind a severity of the server's; under VERBOSITY=sqlstate "23505" and no more.
bool has_sqlstate(std::string_view text) {
    const std::string_view state = text.substr(0, kSqlstateSize);
    const std::string_view after = text.substr(state.size());
    return state.size() == kSqlstateSize && (after.empty() || after.starts_with(": ")) &&
           std::all_of(state.begin(), state.end(),
                       [](unsigned char c) { return std::isdigit(c) != 0 || std::isupper(c) != 0; });
}

// What stands in quotes, any of PostgreSQL's, to the end of the last one.
void hide_quoted(std::string& message) {
    const std::size_t first = message.find_first_of("\"'$");
    if (first == std::string::npos) return;
    const std::size_t last = message.find_last_of("\"'$");
    message.replace(first, (last > first ? last + 1 : message.size()) - first, "\"***\"");
}

// Without an SQLSTATE, as the file's own VERBOSITY may have it, nothing tells whether a row's value is quoted.
void read_server_error(std::string_view text, PsqlError& error) {
    const bool has_state = has_sqlstate(text);
    if (has_state) error.sqlstate = std::string(text.substr(0, kSqlstateSize));
    if (has_state) text.remove_prefix(std::min(text.size(), kSqlstateSize + 2));
    error.message = std::string(text);
    if (!has_state) hide_quoted(error.message);
}

bool is_note(std::string_view text) {
    return std::any_of(kNotes.begin(), kNotes.end(), [&](std::string_view word) { return text.starts_with(word); });
}

bool is_verbose_note(std::string_view text) {
    return is_note(text) && has_sqlstate(text.substr(text.find(' ') + 2));
}

std::optional<PsqlError> read_error(const Line& line) {
    PsqlError error{.file = std::string(line.file), .line = line.number};
    for (const std::string_view severity : kSeverities) {
        if (!line.text.starts_with(severity)) continue;
        read_server_error(line.text.substr(severity.size()), error);
        return error;
    }
    for (const std::string_view own : kOwnErrors) {
        if (!line.text.starts_with(own)) continue;
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

bool says_only_notes(std::string_view err) {
    // Of more lines than one: a verbose one goes to its LOCATION, another of a file's to psql's next report.
    enum class Note { none, verbose, other } note = Note::none;
    while (!err.empty()) {
        const std::string_view line = first_line(err);
        err.remove_prefix(std::min(line.size() + 1, err.size()));
        const std::string_view text = split_place(line).text;
        if (note != Note::none && !line.starts_with(kProgram) && !is_note(text)) {
            if (note == Note::verbose && text.starts_with(kLocation)) note = Note::none;
            continue;
        }
        if (!is_note(text) && text.find_first_not_of(" \t\r") != std::string_view::npos) return false;
        const bool is_of_file = is_note(text) && line.starts_with(kProgram);
        note = is_verbose_note(text) ? Note::verbose : is_of_file ? Note::other : Note::none;
    }
    return note != Note::verbose;
}

}  // namespace polygon::sanitize
