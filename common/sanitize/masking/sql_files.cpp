#include "common/sanitize/masking/sql_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>

#include <fmt/format.h>

#include "common/base/ascii.h"
#include "common/base/suggestion.h"

namespace polygon::sanitize {
namespace {

namespace stdfs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kHeader = "database:";
constexpr std::string_view kBlanks = " \t\r\n\f\v";
constexpr const char* kHeaderHint = "Write '-- database: NAME' as its first line, or a first line that is unlike it.";

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool is_comment_or_blank(std::string_view line) {
    return line.empty() || line.starts_with("--");
}

// What follows "-- database:"; none if the line is something else.
std::optional<std::string_view> parse_header(std::string_view line) {
    if (!line.starts_with("-- ") && !line.starts_with("--\t")) return std::nullopt;
    const std::string_view text = trim(line.substr(2));
    if (!text.starts_with(kHeader)) return std::nullopt;
    return trim(text.substr(kHeader.size()));
}

// Whether somebody who wrote this may have meant the header: a comment of any language that begins with a word like
// "database" and a colon, or that has two words with such a one in front. "-- data of customers" is none.
bool is_nearly_header(std::string_view line) {
    static const std::array<std::string, 1> kWord = {"database"};
    constexpr std::array<std::string_view, 4> kSynonyms = {"db", "dbname", "datname", "databases"};
    const std::size_t begin = line.find_first_not_of("-/*# \t");
    if (begin == 0 || begin == std::string_view::npos) return false;
    const std::string text = to_lower(trim(line.substr(begin)));
    const std::size_t end = text.find_first_of(":=");
    const std::string word(trim(std::string_view(text).substr(0, std::min(end, text.find_first_of(kBlanks)))));
    const std::string_view rest = trim(std::string_view(text).substr(word.size()));
    if (rest.empty()) return word == kWord[0];
    const bool has_colon = rest.starts_with(':') || rest.starts_with('=');
    if (!has_colon && rest.find_first_of(kBlanks) != std::string_view::npos) return false;
    if (std::find(kSynonyms.begin(), kSynonyms.end(), word) != kSynonyms.end()) return true;
    return word.size() > 3 && (has_colon || word.size() > 6) && nearest_name(word, kWord).has_value();
}

Error configuration_error(const std::string& message, const std::string& hint) {
    return {Errc::configuration, message, hint};
}

Status refuse_doubtful_line(const SqlFile& file, std::string_view line, int number) {
    if (number == 1 && is_nearly_header(line)) {
        return configuration_error(
            fmt::format("the first line of '{}' is nearly '-- database: NAME': '{}'", file.path.string(), line),
            kHeaderHint);
    }
    if (number > 1 && parse_header(line)) {
        return configuration_error(
            fmt::format("'-- database:' stands in line {} of '{}', not in the first", number, file.path.string()),
            kHeaderHint);
    }
    return {};
}

// The header, and that no other line before the first statement is taken for one by its author.
Status read_header(SqlFile& file) {
    std::ifstream stream(file.path, std::ios::binary);
    if (!stream) {
        return errno_error(Errc::configuration, fmt::format("cannot read '{}'", file.path.string()), errno,
                           "Let the user that Patroni runs as read it.");
    }
    int number = 0;
    for (std::string text; std::getline(stream, text);) {
        std::string_view line = text;
        if (++number == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
        line = trim(line);
        const std::optional<std::string_view> name = number == 1 ? parse_header(line) : std::nullopt;
        if (name && name->empty()) {
            return configuration_error(
                fmt::format("the first line of '{}' names no database: '{}'", file.path.string(), line), kHeaderHint);
        }
        if (name) file.database = std::string(*name);
        if (!name) TRY(refuse_doubtful_line(file, line, number));
        if (!is_comment_or_blank(line)) return {};
    }
    if (!stream.bad()) return {};
    return errno_error(Errc::configuration, fmt::format("cannot read '{}'", file.path.string()), errno,
                       "Look at its file system.");
}

Result<SqlFile> read_sql_file(const stdfs::path& path) {
    std::error_code error;
    const stdfs::file_status status = stdfs::status(path, error);
    if (!stdfs::exists(status)) {
        return errno_error(Errc::configuration, fmt::format("cannot read '{}'", path.string()),
                           error ? error.value() : ENOENT, "A link has to lead to a file; remove it if it is not one.");
    }
    if (!stdfs::is_regular_file(status)) {
        return configuration_error(fmt::format("'{}' is not a file", path.string()),
                                   "Only files of SQL have names that end with .sql there.");
    }
    SqlFile file{.path = path, .database = std::nullopt};
    TRY(read_header(file));
    if (stdfs::file_size(path, error) == 0 && !error) {
        return configuration_error(fmt::format("'{}' is empty", path.string()),
                                   "Fill it, or remove it if nothing is to be masked by it.");
    }
    return file;
}

}  // namespace

Result<std::vector<SqlFile>> find_sql_files(const stdfs::path& folder) {
    std::error_code error;
    stdfs::directory_iterator entries(folder, error);
    if (error) {
        return errno_error(Errc::configuration,
                           fmt::format("cannot read the folder '{}' of polygon.sql", folder.string()), error.value(),
                           "Let polygon.sql name a folder that the user that Patroni runs as may read.");
    }
    std::vector<stdfs::path> paths;
    for (; entries != stdfs::directory_iterator() && !error; entries.increment(error)) {
        const stdfs::path path = entries->path().lexically_normal();
        if (path.extension() == ".sql" && !path.filename().string().starts_with('.')) paths.push_back(path);
    }
    if (error) return errno_error(Errc::configuration, fmt::format("cannot read '{}'", folder.string()), error.value());
    if (paths.empty()) {
        return configuration_error(fmt::format("there is no *.sql in the folder '{}' of polygon.sql", folder.string()),
                                   "Put files there, or take polygon.sql out if nothing is to be masked.");
    }
    std::sort(paths.begin(), paths.end(),
              [](const auto& a, const auto& b) { return a.filename().string() < b.filename().string(); });
    std::vector<SqlFile> files;
    for (const stdfs::path& path : paths)
        files.push_back(TRY(read_sql_file(path)));
    return files;
}

}  // namespace polygon::sanitize
