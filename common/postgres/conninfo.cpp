#include "common/postgres/conninfo.h"

#include <memory>
#include <string_view>

#include <fmt/format.h>
#include <libpq-fe.h>

namespace polygon::postgres {
namespace {

struct Free {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

std::string quote(const std::string& value) {
    std::string quoted = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "'";
}

// libpq marks what a dialogue should hide.
bool is_secret(const PQconninfoOption& option) {
    return option.dispchar != nullptr && std::string_view(option.dispchar) == "*";
}

}  // namespace

std::string Conninfo::text() const {
    std::string text;
    for (const auto& [keyword, value] : keywords)
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", keyword, quote(value));
    return text;
}

std::string Conninfo::server() const {
    for (const char* keyword : {"host", "hostaddr", "service"}) {
        const auto found = keywords.find(keyword);
        if (found == keywords.end()) continue;
        const auto port = keywords.find("port");
        return port == keywords.end() ? found->second : found->second + ":" + port->second;
    }
    return "the local server";
}

namespace {

// Gives each keyword that the string sets to `take`.
template <typename Take>
Status for_each_keyword(const std::string& conninfo, const std::string& origin, const Take& take) {
    // Its message may quote a piece of the password, so that it is not passed on.
    const std::unique_ptr<PQconninfoOption, Free> options(PQconninfoParse(conninfo.c_str(), nullptr));
    if (!options) {
        return Error{Errc::configuration, fmt::format("the connection string ({}) cannot be understood", origin),
                     "Write it as host=… user=…, values with spaces in single quotes, or as postgresql://…"};
    }
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val != nullptr) TRY(take(*option));
    }
    return {};
}

}  // namespace

Result<Conninfo> parse_conninfo(const std::string& conninfo, const std::string& origin) {
    Conninfo parsed;
    TRY(for_each_keyword(conninfo, origin, [&](const PQconninfoOption& option) -> Status {
        const std::string keyword = option.keyword;
        if (keyword == "password") {
            parsed.password = Secret(option.val);
        } else if (is_secret(option)) {
            return Error{
                Errc::configuration,
                fmt::format("the connection string ({}) holds '{}', which would be seen in ps", origin, keyword),
                "Take it out, or put it into a file that 'service' names."};
        } else {
            parsed.keywords[keyword] = option.val;
        }
        return {};
    }));
    parsed.keywords.erase("replication");  // whoever connects knows what for
    return parsed;
}

Result<std::map<std::string, Secret>> parse_keywords(const std::string& conninfo, const std::string& origin) {
    std::map<std::string, Secret> keywords;
    TRY(for_each_keyword(conninfo, origin, [&](const PQconninfoOption& option) -> Status {
        keywords[option.keyword] = Secret(option.val);
        return {};
    }));
    return keywords;
}

}  // namespace polygon::postgres
