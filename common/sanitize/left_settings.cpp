#include "common/sanitize/left_settings.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/ascii.h"
#include "common/sanitize/suspicion.h"

namespace polygon::sanitize {
namespace {

constexpr std::array<std::string_view, 3> kPreload = {"shared_preload_libraries", "session_preload_libraries",
                                                      "local_preload_libraries"};

// Each between two blanks. With values that PostgreSQL knows itself: switches, numbers, its own few words, time zones,
// names of schemas.
constexpr std::string_view kBehaviour =
    " timezone timezone_abbreviations datestyle intervalstyle default_text_search_config client_encoding "
    "bytea_output search_path backslash_quote icu_validation_level default_table_access_method "
    "default_toast_compression default_tablespace temp_tablespaces password_encryption plan_cache_mode "
    "session_replication_role array_nulls quote_all_identifiers standard_conforming_strings "
    "escape_string_warning transform_null_equals extra_float_digits lo_compat_privileges allow_alter_system "
    "row_security check_function_bodies event_triggers createrole_self_grant max_prepared_transactions "
    "max_locks_per_transaction max_pred_locks_per_transaction track_commit_timestamp jit synchronous_commit "
    "wal_level statement_timeout lock_timeout transaction_timeout deadlock_timeout ";

constexpr std::array<std::string_view, 4> kBehaviourPrefixes = {"lc_", "xml", "default_transaction_", "idle_"};

// Words of PostgreSQL's own, or names of locales and time zones, that behaviour is told by otherwise or not at all.
constexpr std::array<std::string_view, 18> kOtherWords = {
    "log_timezone",    "wal_compression",    "dynamic_shared_memory_type",
    "log_destination", "archive_mode",       "wal_sync_method",
    "log_statement",   "shared_memory_type", "compute_query_id",
    "lc_collate",      "lc_ctype",           "lc_messages",
    "lc_monetary",     "lc_numeric",         "lc_time",
    "xmlbinary",       "xmloption",          "default_transaction_isolation"};

// In parts of names, rather one too many: then a number is missing in a list.
constexpr std::array<std::string_view, 15> kSecretWords = {"pass",     "secret",  "key",     "token", "salt",
                                                           "conninfo", "command", "cred",    "cert",  "auth_",
                                                           "dsn",      "url",     "private", "seed",  "license"};

// src/backend/utils/misc/guc.c, memory_unit_conversion_table and time_unit_conversion_table.
constexpr std::array<std::string_view, 12> kUnits = {"", "b", "kb", "mb", "gb", "tb", "us", "ms", "s", "min", "h", "d"};

constexpr std::size_t kLongestNumber = 20;
constexpr std::size_t kLongestWords = 1000;

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

bool is_behaviour_word(std::string_view name) {
    return kBehaviour.find(" " + std::string(name) + " ") != std::string_view::npos;
}

// A sign, digits and a point, then a unit.
bool is_number(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view digits = text.substr(0, end);
    std::string_view unit = text.substr(end);
    if (unit.starts_with(' ')) unit.remove_prefix(1);
    const bool has_digit = digits.find_first_of("0123456789") != std::string_view::npos;
    return has_digit && digits.size() <= kLongestNumber && std::count(digits.begin(), digits.end(), '.') <= 1 &&
           contains(kUnits, to_lower(unit));
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c != '\x7f'; });
}

bool has_known_words(std::string_view name) {
    return contains(kPreload, name) || is_behaviour_word(name) || contains(kOtherWords, name);
}

// Stricter than names_secret(), by parts of words.
bool speaks_of_secrets(std::string_view name) {
    return names_secret(name) || std::any_of(kSecretWords.begin(), kSecretWords.end(), [&](std::string_view word) {
               return name.find(word) != std::string_view::npos;
           });
}

}  // namespace

bool matters_to_behaviour(std::string_view name) {
    if (name.find('.') != std::string_view::npos) return true;
    const bool has_prefix = std::any_of(kBehaviourPrefixes.begin(), kBehaviourPrefixes.end(),
                                        [&](std::string_view prefix) { return name.starts_with(prefix); });
    return has_prefix || contains(kPreload, name) || is_behaviour_word(name);
}

bool is_safe_to_tell(std::string_view name, std::string_view value) {
    if (has_known_words(name)) return !holds_connection(value) && value.size() <= kLongestWords && is_printable(value);
    if (speaks_of_secrets(name)) return false;
    return is_switch(value) || is_number(value);
}

std::string describe_left_settings(const postgres::GenerationMarker& marker) {
    const auto& left = marker.left;
    const bool has_file = std::find(left.begin(), left.end(), kConfigurationNotInBackup) == left.end();
    if (!has_file && marker.not_carried_over.empty()) return "its configuration was not in the backup";
    std::vector<std::string> marked;
    for (const postgres::LeftSetting& setting : marker.not_carried_over) {
        if (setting.is_behaviour) marked.push_back(setting.name);
    }
    std::string text = fmt::format("{} not carried over", marker.not_carried_over.size());
    if (!marked.empty()) text += fmt::format("; of these matter to behaviour: {}", fmt::join(marked, ", "));
    if (!has_file) text += "; its postgresql.conf was not in the backup";
    return text;
}

}  // namespace polygon::sanitize
