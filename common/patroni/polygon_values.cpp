#include "common/patroni/polygon_values.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

#include "common/patroni/polygon_keys.h"

namespace polygon::patroni {
namespace {

constexpr const char* kPasswordHint = "Passwords come from a file or the environment.";
constexpr const char* kDurationHint = "Write a number with ms, s, min, h or d.";

constexpr std::int64_t kLeastKilobytes = 32;  // pg_basebackup's own limits (basebackup.h, MAX_RATE_LOWER)
constexpr std::int64_t kMostKilobytes = 1024 * 1024;

// Of 32 bits, not 0.
bool is_number(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && number > 0;
}

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};

constexpr std::array<Unit, 5> kUnits = {
    Unit{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

std::int64_t milliseconds_of(std::string_view unit) {
    for (const Unit& known : kUnits) {
        if (known.name == unit) return known.milliseconds;
    }
    return 0;
}

Status require_absolute(const Node& node, std::string_view path, const std::string& text) {
    if (text.starts_with('/')) return {};
    return wrong_value(node, path, fmt::format("is not an absolute path: '{}'", text), "Give it from the root on.");
}

// PostgreSQL writes no path with one, and what is put behind a name must not end up below it.
std::string without_last_slashes(std::string path) {
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    return path;
}

// {file: PATH} or {env: NAME}.
Result<PasswordSource> to_password_source(const std::string& role, const Node& node, const std::string& path) {
    // Whatever stands here instead may be the password itself: it is not quoted.
    if (!node.is_map()) return wrong_value(node, path, "is neither {file: PATH} nor {env: NAME}", kPasswordHint);
    for (const auto& [name, value] : node.entries) {
        if (name != "file" && name != "env") {
            return unknown_key(fmt::format("polygon.{}.{}", path, name), name, value.place, {"file", "env"});
        }
    }
    if (node.entries.size() != 1) return wrong_value(node, path, "needs exactly one of file and env", kPasswordHint);
    const auto& [name, value] = node.entries.front();
    const std::string value_path = path + "." + name;
    std::string location = TRY(to_text(value, value_path));
    PasswordSource source{.role = role, .location = std::move(location), .origin = value.place.brief()};
    if (name == "env") source.kind = PasswordSource::Kind::environment;
    if (name == "file") TRY(require_absolute(value, value_path, source.location));
    return source;
}

}  // namespace

Error wrong_value(const Node& node, std::string_view path, std::string_view what, std::string hint) {
    return {Errc::configuration, fmt::format("'polygon.{}' in {} {}", path, node.place.full(), what), std::move(hint)};
}

Result<std::string> to_text(const Node& node, std::string_view path) {
    if (!node.is_scalar() || node.scalar.empty()) {
        return wrong_value(node, path, "is not a plain value", "Write one word, or text in quotes.");
    }
    return node.scalar;
}

Result<std::filesystem::path> to_absolute_path(const Node& node, std::string_view path) {
    std::string text = TRY(to_text(node, path));
    TRY(require_absolute(node, path, text));
    return std::filesystem::path(std::move(text));
}

Result<std::vector<std::string>> to_list(const Node& node, std::string_view path) {
    if (node.kind != Node::Kind::list) return wrong_value(node, path, "is not a list", "Write it as [a, b].");
    std::vector<std::string> texts;
    for (const Node& item : node.items)
        texts.push_back(TRY(to_text(item, path)));
    return texts;
}

Result<std::vector<std::string>> to_relative_paths(const Node& node, std::string_view path) {
    constexpr const char* kHint = "Write it relative to the data directory, as orioledb_data or pg_wal/extra.";
    std::vector<std::string> paths = TRY(to_list(node, path));
    for (std::string& entry : paths) {
        const std::filesystem::path normal = std::filesystem::path(without_last_slashes(entry)).lexically_normal();
        const bool leads_out = normal.empty() || normal.is_absolute() || normal == "." || *normal.begin() == "..";
        if (leads_out) {
            return wrong_value(node, path, fmt::format("is no path in the data directory: '{}'", entry), kHint);
        }
        if (entry.find_first_of("*?[") != std::string::npos)
            return wrong_value(node, path, fmt::format("takes no patterns: '{}'", entry), "Name each file or folder.");
        entry = normal.string();
    }
    return paths;
}

Result<TextMap> to_map(const Node& node, std::string_view path) {
    if (!node.is_map()) return wrong_value(node, path, "is not a mapping", "Write it as {name: value}.");
    TextMap map;
    for (const auto& [name, value] : node.entries)
        map[name] = TRY(to_text(value, fmt::format("{}.{}", path, name)));
    return map;
}

Result<TextMap> to_path_map(const Node& node, std::string_view path) {
    TextMap paths;
    for (const auto& [from, to] : TRY(to_map(node, path))) {
        TRY(require_absolute(*node.find(from), path, from));
        TRY(require_absolute(*node.find(from), path, to));
        paths[without_last_slashes(from)] = without_last_slashes(to);
    }
    return paths;
}

Result<std::chrono::milliseconds> to_duration(const Node& node, std::string_view path) {
    const std::string text = TRY(to_text(node, path));
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    while (unit.starts_with(' '))
        unit.remove_prefix(1);
    const std::int64_t factor = milliseconds_of(unit);
    const bool is_sane = error == std::errc() && factor > 0 && number > 0 &&
                         number <= std::numeric_limits<std::int32_t>::max() * std::int64_t{1000} / factor * 1000;
    if (!is_sane) return wrong_value(node, path, fmt::format("is not a duration: '{}'", text), kDurationHint);
    return std::chrono::milliseconds(number * factor);
}

Result<std::string> to_rate(const Node& node, std::string_view path) {
    const std::string text = TRY(to_text(node, path));
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    const std::int64_t factor = unit.empty() || unit == "k" ? 1 : unit == "M" ? 1024 : 0;
    const bool is_sane = error == std::errc() && factor > 0 && number > 0 && number <= kMostKilobytes &&
                         number * factor >= kLeastKilobytes && number * factor <= kMostKilobytes;
    if (is_sane) return text;
    return wrong_value(node, path, fmt::format("is no rate: '{}'", text),
                       "Write kilobytes a second, or a number with k or M, from 32k to 1024M.");
}

Result<bool> to_bool(const Node& node, std::string_view path) {
    return TRY(to_choice(node, path, {"true", "false", "on", "off", "yes", "no"})) % 2 == 0;
}

Result<std::string> to_lsn(const Node& node, std::string_view path) {
    const std::string text = TRY(to_text(node, path));
    const std::size_t slash = text.find('/');
    const auto is_half = [](std::string_view half) {
        return !half.empty() && half.size() <= 8 &&
               half.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    };
    const bool is_lsn = slash != std::string::npos && is_half(std::string_view(text).substr(0, slash)) &&
                        is_half(std::string_view(text).substr(slash + 1));
    if (is_lsn) return text;
    return wrong_value(node, path, fmt::format("is no position in the WAL: '{}'", text), "Write it as 16/B374D848.");
}

Result<std::string> to_transaction_id(const Node& node, std::string_view path) {
    const std::string text = TRY(to_text(node, path));
    if (is_number(text)) return text;
    return wrong_value(node, path, fmt::format("is no transaction's number: '{}'", text), "Write digits alone.");
}

Result<std::string> to_timeline(const Node& node, std::string_view path) {
    const std::string text = TRY(to_text(node, path));
    if (text == "latest" || text == "current" || is_number(text)) return text;
    return wrong_value(node, path, fmt::format("is no timeline: '{}'", text), "Write latest, current or a number.");
}

Result<std::size_t> to_choice(const Node& node, std::string_view path, std::initializer_list<const char*> allowed) {
    const std::string text = TRY(to_text(node, path));
    std::string list;
    std::size_t index = 0;
    for (const char* word : allowed) {
        if (text == word) return index;
        list += (index++ == 0 ? "" : ", ") + std::string(word);
    }
    return wrong_value(node, path, fmt::format("cannot be '{}'", text), fmt::format("Allowed: {}.", list));
}

Result<std::map<std::string, PasswordSource>> to_password_sources(const Node& node, std::string_view path) {
    if (!node.is_map()) return wrong_value(node, path, "is not a mapping", kPasswordHint);
    std::map<std::string, PasswordSource> sources;
    for (const auto& [role, where] : node.entries) {
        sources.emplace(role, TRY(to_password_source(role, where, fmt::format("{}.{}", path, role))));
    }
    return sources;
}

}  // namespace polygon::patroni
