#include "common/postgres/configuration_file.h"

#include <algorithm>

#include "common/base/ascii.h"

namespace polygon::postgres {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_ascii_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_letter(char c) {
    return is_ascii_letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

class LineParser {
  public:
    explicit LineParser(std::string_view line) : rest_(line) {}

    // Nothing but blanks and a comment is left.
    bool is_at_end() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == '\r'))
            rest_.remove_prefix(1);
        return rest_.empty() || rest_.front() == '#';
    }

    // "name" or "extension.name".
    std::optional<std::string> take_name() {
        if (is_at_end() || !is_letter(rest_.front())) return std::nullopt;
        // guc_name_compare() folds ASCII alone.
        return to_lower(take_while([](char c) { return is_letter(c) || is_digit(c) || c == '.'; }));
    }

    std::optional<std::string> take_value() {
        if (!is_at_end() && rest_.front() == '=') rest_.remove_prefix(1);
        if (is_at_end()) return std::nullopt;
        if (rest_.front() == '\'') return take_quoted();
        // Words, numbers with units: a little more than PostgreSQL takes, and never what follows them.
        std::string value = take_while([](char c) {
            return is_letter(c) || is_digit(c) || std::string_view("-+._:/").find(c) != std::string_view::npos;
        });
        if (value.empty()) return std::nullopt;
        return value;
    }

  private:
    template <class Predicate>
    std::string take_while(Predicate belongs) {
        const auto end = std::find_if_not(rest_.begin(), rest_.end(), belongs);
        std::string taken(rest_.begin(), end);
        rest_.remove_prefix(taken.size());
        return taken;
    }

    std::optional<std::string> take_quoted();
    char take_escaped();

    std::string_view rest_;
};

// DeescapeQuotedString(): what follows the backslash.
char LineParser::take_escaped() {
    constexpr std::string_view kLetters = "bfnrt";
    constexpr std::string_view kMeanings = "\b\f\n\r\t";
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    char c = rest_.front();
    if (!is_octal(c)) {
        rest_.remove_prefix(1);
        const std::size_t letter = kLetters.find(c);
        return letter == std::string_view::npos ? c : kMeanings[letter];
    }
    unsigned value = 0;
    for (int digits = 0; digits < 3 && !rest_.empty() && is_octal(rest_.front()); ++digits) {
        value = value * 8 + static_cast<unsigned>(rest_.front() - '0');
        rest_.remove_prefix(1);
    }
    return static_cast<char>(value);
}

std::optional<std::string> LineParser::take_quoted() {
    std::string value;
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        if (c == '\'') {
            if (!rest_.starts_with('\'')) return value;
            rest_.remove_prefix(1);
        }
        if (c == '\\' && rest_.empty()) return std::nullopt;
        value += c == '\\' ? take_escaped() : c;
    }
    return std::nullopt;
}

std::optional<ConfigurationLine> parse_line(LineParser& parser, int number) {
    const auto name = parser.take_name();
    if (!name) return std::nullopt;
    auto value = parser.take_value();
    if (!value || !parser.is_at_end()) return std::nullopt;
    return ConfigurationLine{*name, std::move(*value), number};
}

bool is_space(char c) {
    return std::string_view(" \t\n\r\f\v").find(c) != std::string_view::npos;
}

void skip_spaces(std::string_view& text) {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
}

// One name of a list, quoted or not; nothing where PostgreSQL sees none.
std::optional<std::string> take_list_name(std::string_view& rest) {
    std::string name;
    if (!rest.starts_with('"')) {
        name = rest.substr(0, rest.find(','));
        rest.remove_prefix(name.size());
        while (!name.empty() && is_space(name.back()))
            name.pop_back();
        return name.empty() ? std::nullopt : std::optional(name);
    }
    rest.remove_prefix(1);
    while (true) {
        const std::size_t quote = rest.find('"');
        if (quote == std::string_view::npos) return std::nullopt;
        name += rest.substr(0, quote);
        rest.remove_prefix(quote + 1);
        if (!rest.starts_with('"')) return name;
        name += '"';
        rest.remove_prefix(1);
    }
}

std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

}  // namespace

ConfigurationText parse_configuration(std::string_view text) {
    ConfigurationText parsed;
    for (int number = 1; !text.empty(); ++number) {
        LineParser parser(take_line(text));
        if (parser.is_at_end()) continue;
        if (auto said = parse_line(parser, number)) {
            parsed.lines.push_back(std::move(*said));
        } else {
            parsed.unreadable.push_back(number);
        }
    }
    return parsed;
}

std::optional<std::vector<std::string>> split_library_list(std::string_view list) {
    std::vector<std::string> names;
    skip_spaces(list);
    if (list.empty()) return names;
    while (true) {
        auto name = take_list_name(list);
        if (!name) return std::nullopt;
        names.push_back(std::move(*name));
        skip_spaces(list);
        if (list.empty()) return names;
        if (list.front() != ',') return std::nullopt;
        list.remove_prefix(1);
        skip_spaces(list);
    }
}

}  // namespace polygon::postgres
