// What production has set for sessions by ALTER DATABASE … SET and ALTER ROLE … SET.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/findings.h"

namespace polygon::sanitize {

// Why a setting may not stay, whoever has it: it names a host, looks like a credential, or has a library loaded into
// every session, which fails each login where the library is missing and may dial out where it is not. None: it may.
std::optional<std::string_view> reason_to_reset(std::string_view name, std::string_view value);

// "setting app.api_host of role app in database thai: it names a host" for each that may not stay, of all databases and
// roles; of `patronis`, database postgres and ALTER ROLE ALL also what would lock Patroni out. Values are no part of
// it.
Result<Lines> find_settings(postgres::Connection& session, const std::set<std::string>& patronis);

// The same lines, of those that it resets.
Result<Lines> reset_settings(postgres::Connection& session, const std::set<std::string>& patronis);

}  // namespace polygon::sanitize
