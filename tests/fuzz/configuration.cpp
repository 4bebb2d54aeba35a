#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/postgres/configuration_file.h"
#include "tests/fuzz/subject.h"

namespace polygon::backup::fuzz {
namespace {

std::string with_quotes(const std::string& text, char quote) {
    std::string quoted(1, quote);
    for (const char c : text) {
        if (c == quote) quoted += c;
        quoted += c;
    }
    return quoted + quote;
}

std::string write_line(const postgres::ConfigurationLine& line) {
    std::string value;
    for (const char c : line.value) {
        if (c == '\\') value += c;
        value += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    return fmt::format("{} = {}\n", line.name, with_quotes(value, '\''));
}

void require_that_it_reads_the_same(const postgres::ConfigurationText& text) {
    std::string written;
    for (const postgres::ConfigurationLine& line : text.lines)
        written += write_line(line);
    const postgres::ConfigurationText again = postgres::parse_configuration(written);
    require(again.unreadable.empty() && again.lines.size() == text.lines.size(), "lines are lost when written again");
    for (std::size_t i = 0; i < text.lines.size(); ++i) {
        require(again.lines[i].name == text.lines[i].name && again.lines[i].value == text.lines[i].value,
                "a line that is written again reads in another way");
    }
}

void require_that_a_list_reads_the_same(std::string_view list) {
    const auto names = postgres::split_library_list(list);
    if (!names) return;
    std::vector<std::string> quoted;
    for (const std::string& name : *names)
        quoted.push_back(with_quotes(name, '"'));
    require(postgres::split_library_list(fmt::format("{}", fmt::join(quoted, ","))) == names,
            "a list that is written again reads in another way");
}

}  // namespace

// Nothing is refused as a whole: "refused" has lines that PostgreSQL would not take.
Verdict feed_configuration(std::string_view bytes) {
    const postgres::ConfigurationText text = postgres::parse_configuration(bytes);
    require_that_it_reads_the_same(text);
    for (const postgres::ConfigurationLine& line : text.lines)
        require_that_a_list_reads_the_same(line.value);
    return text.unreadable.empty() ? Verdict::accepted : Verdict::refused;
}

}  // namespace polygon::backup::fuzz
