// The syntax of postgresql.conf and of the lists in it (src/backend/utils/misc/guc-file.l, utils/adt/varlena.c).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace polygon::postgres {

// One line that says something. An include directive is a setting too, with the name "include", "include_if_exists" or
// "include_dir", and what it names as the value.
struct ConfigurationLine {
    std::string name;  // as PostgreSQL compares it: in lower case
    std::string value;
    int number = 0;  // of the line, from 1

    bool operator==(const ConfigurationLine&) const = default;
};

struct ConfigurationText {
    std::vector<ConfigurationLine> lines;
    std::vector<int> unreadable;  // numbers of the lines that PostgreSQL would refuse
};

// What can be read of any text, even if PostgreSQL refused all of it for one bad line.
ConfigurationText parse_configuration(std::string_view text);

// "one, \"a,b\"" as shared_preload_libraries has it (SplitDirectoriesString, without making paths canonical). Nothing
// if PostgreSQL refuses the list.
std::optional<std::vector<std::string>> split_library_list(std::string_view list);

}  // namespace polygon::postgres
