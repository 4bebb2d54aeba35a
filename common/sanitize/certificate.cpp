#include "common/sanitize/certificate.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/printable.h"

namespace polygon::sanitize {
namespace {

using Json = nlohmann::ordered_json;

std::string_view verdict(const Check& check) {
    if (check.holds) return "ok";
    return check.weight == Weight::advisory ? "warn" : "FAIL";
}

void add_lines(std::string& table, std::string_view title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    table += fmt::format("{}\n", title);
    for (const std::string& line : lines)
        table += fmt::format("  {}\n", printable(line));
}

}  // namespace

std::string to_table(const Certificate& certificate) {
    std::size_t width = 0;
    for (const Check& check : certificate.checks)
        width = std::max(width, printable(check.name).size());
    std::string table = fmt::format("Polygon '{}', generation {}, verified {}\n", printable(certificate.scope),
                                    printable(certificate.marker.generation), printable(certificate.verified_at));
    for (const Check& check : certificate.checks)
        table +=
            fmt::format("  {:<4} {:<{}}  {}\n", verdict(check), printable(check.name), width, printable(check.detail));
    add_lines(table, "Disarmed", certificate.marker.disarmed);
    add_lines(table, "Left as it is", certificate.marker.left);
    return table;
}

std::string to_json(const Certificate& certificate) {
    Json json = {{"scope", certificate.scope},
                 {"generation", certificate.marker.generation},
                 {"verified_at", certificate.verified_at},
                 {"checks", Json::array()}};
    for (const Check& check : certificate.checks) {
        json["checks"].push_back({{"name", check.name},
                                  {"holds", check.holds},
                                  {"required", check.weight == Weight::required},
                                  {"detail", check.detail}});
    }
    json["refresh"] = Json::parse(postgres::to_json(certificate.marker));
    // Those of md5 verifiers can be guessed at: they stay in polygon.json and polygon.refresh, which nobody else reads.
    json["refresh"].erase("production_verifiers_sha256");
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Certificate> parse_certificate(const std::string& text) {
    try {
        const Json json = Json::parse(text);
        Certificate certificate{.scope = json.at("scope"), .verified_at = json.at("verified_at")};
        for (const Json& check : json.at("checks"))
            certificate.checks.push_back({.name = check.at("name"),
                                          .holds = check.at("holds"),
                                          .detail = check.at("detail"),
                                          .weight = check.at("required") ? Weight::required : Weight::advisory});
        certificate.marker = TRY(postgres::marker_from_json(json.at("refresh").dump(), "the certificate"));
        return certificate;
    } catch (const std::exception& error) {
        return Error{Errc::not_proven, fmt::format("the certificate cannot be understood: {}", error.what()), ""};
    }
}

Certificate shortened(Certificate certificate) {
    constexpr std::size_t kLongestText = 512U << 10U;
    constexpr std::size_t kLongestDetail = 4096;
    constexpr std::size_t kLongestList = 100;
    if (to_json(certificate).size() <= kLongestText) return certificate;
    for (Check& check : certificate.checks) {
        if (check.detail.size() > kLongestDetail) check.detail = check.detail.substr(0, kLongestDetail) + " … and more";
    }
    postgres::GenerationMarker& marker = certificate.marker;
    for (auto* list : {&marker.locked_roles, &marker.named_roles, &marker.rotated_roles, &marker.kept_roles,
                       &marker.superusers, &marker.disarmed, &marker.collations, &marker.sql, &marker.left,
                       &marker.old_rows, &marker.unrefreshed, &marker.excluded}) {
        if (list->size() <= kLongestList) continue;
        const std::size_t more = list->size() - kLongestList;
        list->resize(kLongestList);
        list->push_back(fmt::format("… and {} more", more));
    }
    if (marker.not_carried_over.size() > kLongestList) marker.not_carried_over.resize(kLongestList);
    return certificate;
}

postgres::Path certificate_path(const postgres::Path& data_directory) {
    return postgres::find_places(data_directory).data.string() + ".certificate.json";
}

}  // namespace polygon::sanitize
