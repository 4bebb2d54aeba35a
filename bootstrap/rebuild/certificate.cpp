#include "bootstrap/rebuild/certificate.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace polygon::rebuild {

namespace {

std::string_view verdict(const sanitize::Check& check) {
    if (check.holds) return "ok";
    return check.weight == sanitize::Weight::advisory ? "warn" : "FAIL";
}

}  // namespace

std::string to_table(const Certificate& certificate) {
    std::size_t width = 0;
    for (const sanitize::Check& check : certificate.checks)
        width = std::max(width, check.name.size());
    std::string table = fmt::format("Polygon '{}', generation {}, verified {}\n", certificate.scope,
                                    certificate.generation, certificate.verified_at);
    for (const sanitize::Check& check : certificate.checks) {
        table += fmt::format("  {:<4} {:<{}}  {}\n", verdict(check), check.name, width, check.detail);
    }
    return table;
}

std::string to_json(const Certificate& certificate) {
    nlohmann::ordered_json json = {{"scope", certificate.scope},
                                   {"generation", certificate.generation},
                                   {"verified_at", certificate.verified_at},
                                   {"checks", nlohmann::ordered_json::array()}};
    for (const sanitize::Check& check : certificate.checks) {
        json["checks"].push_back({{"name", check.name},
                                  {"holds", check.holds},
                                  {"required", check.weight == sanitize::Weight::required},
                                  {"detail", check.detail}});
    }
    const auto marker = nlohmann::ordered_json::parse(certificate.marker, nullptr, false);
    if (!marker.is_discarded()) json["refresh"] = marker;
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace polygon::rebuild
