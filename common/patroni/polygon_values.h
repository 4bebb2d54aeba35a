// Nodes of the `polygon:` section into typed settings. Not for other folders.
#pragma once

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/patroni/polygon_settings.h"
#include "common/patroni/tree.h"

namespace polygon::patroni {

// `path` ("roles.unlisted") is for the message of the Errc::configuration that all of these give for a wrong type.
Result<std::string> to_text(const Node& node, std::string_view path);
Result<std::filesystem::path> to_absolute_path(const Node& node, std::string_view path);
Result<std::vector<std::string>> to_list(const Node& node, std::string_view path);
// Of files and folders, without a slash at their end. No patterns, no "..".
Result<std::vector<std::string>> to_relative_paths(const Node& node, std::string_view path);
Result<TextMap> to_map(const Node& node, std::string_view path);
// Production's path -> ours, both absolute.
Result<TextMap> to_path_map(const Node& node, std::string_view path);
// "500ms", "90s", "15min", "24h", "2d".
Result<std::chrono::milliseconds> to_duration(const Node& node, std::string_view path);
// As pg_basebackup --max-rate takes it: kilobytes a second, or with k or M; 32k to 1024M.
Result<std::string> to_rate(const Node& node, std::string_view path);
Result<bool> to_bool(const Node& node, std::string_view path);
// "16/B374D848"; a transaction's number; "latest", "current" or a timeline's number.
Result<std::string> to_lsn(const Node& node, std::string_view path);
Result<std::string> to_transaction_id(const Node& node, std::string_view path);
Result<std::string> to_timeline(const Node& node, std::string_view path);
// The index of the word among `allowed`.
Result<std::size_t> to_choice(const Node& node, std::string_view path, std::initializer_list<const char*> allowed);
Result<std::map<std::string, PasswordSource>> to_password_sources(const Node& node, std::string_view path);

// "'polygon.roles.unlisted' in '/etc/patroni.yml' line 31 <what>".
Error wrong_value(const Node& node, std::string_view path, std::string_view what, std::string hint);

}  // namespace polygon::patroni
