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

postgres::Path certificate_path(const postgres::Path& data_directory) {
    return postgres::find_places(data_directory).data.string() + ".certificate.json";
}

}  // namespace polygon::sanitize
