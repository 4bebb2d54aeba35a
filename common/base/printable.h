// Text that somebody else wrote, made fit for a terminal and a line.
#pragma once

#include <string>
#include <string_view>

namespace polygon {

// Control characters, what turns the direction of a text or separates lines, and bytes that are no UTF-8, as \xNN: a
// hostile name can neither draw on a terminal nor break a line nor look like another one. The rest stays readable, in
// any script. A repeat changes nothing.
std::string printable(std::string_view text);

// Strictly as RFC 3629 has it.
bool is_utf8(std::string_view text);

}  // namespace polygon
