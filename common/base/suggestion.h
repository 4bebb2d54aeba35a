// "did you mean …": the nearest of a set of names.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace polygon {

// The candidate that `name` is the begin of, else the one with the fewest edits (insert, delete, replace, swap of
// neighbours), if they are few enough (a third of its length, at least 2) to be a misspelling.
std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string> candidates);

}  // namespace polygon
