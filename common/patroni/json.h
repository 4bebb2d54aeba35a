// Members of a JSON object that may be missing or of another type: what somebody else wrote is not trusted to have
// them.
#pragma once

#include <optional>
#include <string>
#include <type_traits>

#include <nlohmann/json.hpp>

namespace polygon::patroni {

// "" if it is not there or no string.
inline std::string text_at(const nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// None if it is not there or no number that fits: for an unsigned Number, none that is negative.
template <class Number>
std::optional<Number> number_at(const nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_integer()) return std::nullopt;
    if (std::is_unsigned_v<Number> && !found->is_number_unsigned()) return std::nullopt;
    return found->get<Number>();
}

}  // namespace polygon::patroni
