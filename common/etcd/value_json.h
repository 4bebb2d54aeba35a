// How the values that rebuilds keep in etcd are written: for the sources of this folder alone.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace polygon::etcd {

using Json = nlohmann::ordered_json;

template <class Value>
using Words = std::pair<Value, std::string_view>;

template <class Table, class Value>
std::string_view word_of(const Table& table, Value value) {
    for (const auto& [known, word] : table) {
        if (known == value) return word;
    }
    return table.front().second;
}

// An unknown word is an error of the whole value: nothing is done on a guess.
template <class Table>
auto value_of(const Table& table, const std::string& text) {
    for (const auto& [known, word] : table) {
        if (word == text) return known;
    }
    throw std::runtime_error(fmt::format("unknown word '{}'", text));
}

// Messages quote paths, which may be no UTF-8.
inline std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace polygon::etcd
