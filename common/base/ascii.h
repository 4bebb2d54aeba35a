// Letters as PostgreSQL, Patroni and file formats fold them: those of ASCII alone, whatever the locale.
#pragma once

#include <string>
#include <string_view>

namespace polygon {

std::string to_lower(std::string_view text);

}  // namespace polygon
