// What names and values of production's settings and options give away. Matched by hand: values may have megabytes,
// which std::regex answers with an overflow of the stack. Rather one too many is suspicious.
#pragma once

#include <string>
#include <string_view>

namespace polygon::sanitize {

// The name speaks of a secret: app.smtp_pass, db_pwd, aws_access_key_id, apiKey; but not keyboard or primary_key.
bool names_secret(std::string_view name);

// The name speaks of another system: app.api_host, endpoints, dsn.
bool names_place(std::string_view name);

// In any setting, PostgreSQL's own included: host=…, hostaddr=…, a URL, an IPv4 address, user:password@, password=….
bool holds_connection(std::string_view value);

// Of an application's own setting or an option besides: "prod-db:5432", names of hosts, also several of them, an
// address of mail, an IPv6 address.
bool holds_address(std::string_view value);

// user:password@, password=… (passwd=, pwd=), a JSON web token, a private key, an AWS access key.
bool holds_credential(std::string_view value);

// A switch is no secret, whatever its name: password_required 'false'.
bool is_switch(std::string_view value);

// Host and port of a URL, "host:port", host or connection string, and nothing else of it: "partner.example:5432";
// "an address that is not shown" where they cannot be told apart from what else there is.
std::string describe_address(std::string_view value);

}  // namespace polygon::sanitize
