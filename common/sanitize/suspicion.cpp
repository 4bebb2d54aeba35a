#include "common/sanitize/suspicion.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "common/base/ascii.h"

namespace polygon::sanitize {
namespace {

using Words = std::vector<std::string_view>;

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kNotShown = "an address that is not shown";

constexpr std::array<std::string_view, 14> kSecretParts = {"passw", "passp", "passf", "pwd",    "secret",
                                                           "token", "cred",  "jwt",   "bearer", "oauth",
                                                           "psk",   "hmac",  "salt",  "apik"};
constexpr std::array<std::string_view, 8> kSecretWords = {"pass", "pw", "key", "keys", "pin", "otp", "pem", "auth"};
// Before "key": what every table has.
constexpr std::array<std::string_view, 6> kHarmlessKeys = {"primary", "foreign", "partition", "sort", "row", "unique"};
constexpr std::array<std::string_view, 12> kPlaces = {"host",     "hostname", "hostaddr", "url",     "uri",  "dsn",
                                                      "endpoint", "conninfo", "server",   "address", "node", "broker"};
constexpr std::array<std::string_view, 8> kSwitches = {"on", "off", "true", "false", "yes", "no", "t", "f"};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_alphanumeric(char c) {
    return is_digit(c) || is_lower(c) || is_upper(c);
}
bool is_in_host(char c) {
    return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
}
bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

// "app.smtpPass_2" has the words app, smtp, pass.
std::vector<std::string> words_of(std::string_view name) {
    std::vector<std::string> words(1);
    char last = '.';
    for (const char c : name) {
        const bool is_letter = is_lower(c) || is_upper(c);
        if ((!is_letter || (is_upper(c) && is_lower(last))) && !words.back().empty()) words.emplace_back();
        if (is_letter) words.back() += to_lower({&c, 1});
        last = c;
    }
    if (words.back().empty()) words.pop_back();
    return words;
}

Words split(std::string_view text, std::string_view separators) {
    Words parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(separators), text.size());
        if (end > 0) parts.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos;
}

bool is_ipv4(std::string_view text) {
    const Words parts = split(text, ".");
    return parts.size() == 4 && std::count(text.begin(), text.end(), '.') == 3 &&
           std::all_of(parts.begin(), parts.end(),
                       [](std::string_view part) { return part.size() <= 3 && is_number(part); });
}

// An interface or a prefix may follow.
bool is_ipv6(std::string_view text) {
    const std::string address(text.substr(0, text.find_first_of("%/")));
    in6_addr parsed{};
    return address.size() > 2 && inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

// A dot, and letters behind the last one.
bool is_full_host_name(std::string_view text) {
    while (text.ends_with('.'))
        text.remove_suffix(1);
    const std::size_t dot = text.rfind('.');
    if (dot == std::string_view::npos || dot == 0 || !is_alphanumeric(text.front())) return false;
    const std::string_view last = text.substr(dot + 1);
    return last.size() >= 2 && std::all_of(text.begin(), text.end(), is_in_host) &&
           std::all_of(last.begin(), last.end(), [](char c) { return is_lower(c) || is_upper(c); });
}

// "prod-db:5432", but not 12:30.
bool has_port(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const std::string_view host = text.substr(0, colon);
    return is_number(text.substr(colon + 1)) && std::all_of(host.begin(), host.end(), is_in_host) &&
           std::any_of(host.begin(), host.end(), [](char c) { return is_lower(c) || is_upper(c); });
}

// Where the value of `keyword =` begins, in a text of lower case. Letters before it make it another word.
std::optional<std::size_t> find_assignment(std::string_view lower, std::string_view keyword) {
    for (std::size_t at = lower.find(keyword); at != std::string_view::npos; at = lower.find(keyword, at + 1)) {
        if (at > 0 && is_alphanumeric(lower[at - 1])) continue;
        std::size_t end = at + keyword.size();
        while (end < lower.size() && is_blank(lower[end]))
            ++end;
        if (end < lower.size() && lower[end] == '=') return end + 1;
    }
    return std::nullopt;
}

template <std::size_t N>
bool assigns_any(std::string_view lower, const std::array<std::string_view, N>& keywords) {
    return std::any_of(keywords.begin(), keywords.end(),
                       [&](std::string_view keyword) { return find_assignment(lower, keyword).has_value(); });
}

// Something, a colon, something and an @, without a blank in it.
bool has_userinfo(std::string_view value) {
    for (const std::string_view word : split(value, " \t\r\n\v\f")) {
        const std::size_t colon = word.find(':');
        const std::size_t at = word.rfind('@');
        if (colon != std::string_view::npos && at != std::string_view::npos && colon + 1 < at) return true;
    }
    return false;
}

bool has_ipv4(std::string_view value) {
    std::size_t begin = 0;
    while ((begin = value.find_first_of(kDigits, begin)) != std::string_view::npos) {
        const std::size_t end = std::min(value.find_first_not_of("0123456789.", begin), value.size());
        std::string_view run = value.substr(begin, end - begin);
        while (run.ends_with('.'))
            run.remove_suffix(1);
        if (is_ipv4(run)) return true;
        begin = end;
    }
    return false;
}

// A keyword's value in a connection string, up to a blank or what else separates.
std::string_view assigned(std::string_view value, std::size_t begin) {
    while (begin < value.size() && (is_blank(value[begin]) || value[begin] == '\''))
        ++begin;
    return value.substr(begin, value.find_first_of(" \t\r\n;&,'", begin) - begin);
}

std::string checked_host(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    const bool has_brackets = text.starts_with('[');
    if (has_brackets) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos || !is_ipv6(text.substr(1, end - 1))) return std::string(kNotShown);
        const std::string_view rest = text.substr(end + 1);
        const bool is_right = rest.empty() || (rest.front() == ':' && is_number(rest.substr(1)));
        return std::string(is_right ? text : kNotShown);
    }
    if (is_ipv6(text)) return std::string(text);
    const std::string_view host = text.substr(0, colon);
    const bool is_host = !host.empty() && std::all_of(host.begin(), host.end(), is_in_host);
    const bool is_right = is_host && (colon == std::string_view::npos || is_number(text.substr(colon + 1)));
    return std::string(is_right ? text : kNotShown);
}

}  // namespace

bool is_switch(std::string_view value) {
    return contains(kSwitches, to_lower(value));
}

bool names_secret(std::string_view name) {
    const std::vector<std::string> words = words_of(name);
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        const bool is_key = word == "key" || word == "keys";
        if (is_key && i > 0 && contains(kHarmlessKeys, words[i - 1])) continue;
        const auto is_part = [&](std::string_view part) { return word.find(part) != std::string::npos; };
        if (contains(kSecretWords, word) || word.ends_with("key") || word.ends_with("pass")) return true;
        if (std::any_of(kSecretParts.begin(), kSecretParts.end(), is_part)) return true;
    }
    return false;
}

bool names_place(std::string_view name) {
    std::string lower = to_lower(name);
    const auto is_end = [&](std::string_view place) { return lower.ends_with(place); };
    if (std::any_of(kPlaces.begin(), kPlaces.end(), is_end)) return true;
    if (!lower.ends_with('s')) return false;
    lower.pop_back();
    return std::any_of(kPlaces.begin(), kPlaces.end(), is_end);
}

bool holds_connection(std::string_view value) {
    static constexpr std::array<std::string_view, 2> kKeywords = {"host", "hostaddr"};
    return value.find("://") != std::string_view::npos || assigns_any(to_lower(value), kKeywords) || has_ipv4(value) ||
           holds_credential(value);
}

bool holds_address(std::string_view value) {
    if (holds_connection(value) || value.find("\\\\") != std::string_view::npos) return true;
    for (const std::string_view word : split(value, " \t\r\n\v\f,;|'\"()[]{}<>=/")) {
        const std::size_t at = word.find('@');
        if (at != std::string_view::npos && at + 1 < word.size()) return true;
        if (is_ipv6(word) || has_port(word) || is_full_host_name(word)) return true;
    }
    return false;
}

bool holds_credential(std::string_view value) {
    static constexpr std::array<std::string_view, 6> kKeywords = {"password", "passwd",  "pwd",
                                                                  "pass",     "api_key", "access_token"};
    if (has_userinfo(value) || assigns_any(to_lower(value), kKeywords)) return true;
    if (value.find("-----BEGIN") != std::string_view::npos) return true;
    const Words words = split(value, " \t\r\n\v\f,;'\"=");
    return std::any_of(words.begin(), words.end(), [](std::string_view word) {
        return (word.starts_with("eyJ") && word.size() > 20) || (word.starts_with("AKIA") && word.size() == 20);
    });
}

std::string describe_address(std::string_view value) {
    if (value.starts_with('/') && !value.starts_with("//")) return "a local socket";
    if (const auto host = find_assignment(to_lower(value), "host")) return checked_host(assigned(value, *host));
    if (const std::size_t scheme = value.find("://"); scheme != std::string_view::npos) {
        value.remove_prefix(scheme + 3);
    } else if (value.starts_with("//")) {
        value.remove_prefix(2);
    }
    const std::size_t end = value.find_first_of("/?#");
    // A password may hold any of these: then what follows the @ is the host, or is the rest of a secret.
    if (end != std::string_view::npos && value.find('@', end) != std::string_view::npos) return std::string(kNotShown);
    value = value.substr(0, end);
    if (const std::size_t at = value.rfind('@'); at != std::string_view::npos) value.remove_prefix(at + 1);
    return checked_host(value);
}

}  // namespace polygon::sanitize
