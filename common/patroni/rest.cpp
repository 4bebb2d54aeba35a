#include "common/patroni/rest.h"

#include <fmt/format.h>

#include "common/patroni/json.h"

namespace polygon::patroni {
namespace {

using Json = nlohmann::json;

constexpr int kOk = 200;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kUnavailable = 503;
constexpr std::size_t kLongestQuote = 500;
constexpr std::size_t kLargestAnswerBytes = 1U << 20U;
// Both /cluster and /reinitialize ask the DCS first, for which Patroni allows itself retry_timeout, 10 s by default.
constexpr std::chrono::seconds kTotalTimeout{15};

// "http://user@host:8008/patroni" -> "http://user@host:8008".
std::string base_of(const std::string& api_url) {
    const std::size_t scheme = api_url.find("://");
    const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
    return api_url.substr(0, api_url.find('/', begin));
}

std::string first_of(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.pop_back();
    if (text.size() > kLongestQuote) text.resize(kLongestQuote);
    return text;
}

const char* hint_for(int status) {
    if (status == kUnauthorized) return "Check restapi.authentication, which has to be the same on every node.";
    if (status == kForbidden) return "Check restapi.allowlist and restapi.verify_client of that node.";
    return "";
}

Error refusal(const std::string& url, const http::Response& response) {
    return {
        Errc::rest_refused,
        fmt::format("'{}' answered {}: {}", http::without_credentials(url), response.status, first_of(response.body)),
        hint_for(response.status), response.status == kUnavailable ? Retry::safe : Retry::no};
}

MemberView parse_member(const Json& json) {
    return {.name = text_at(json, "name"),
            .role = text_at(json, "role"),
            .state = text_at(json, "state"),
            .api_url = text_at(json, "api_url"),
            .host = text_at(json, "host"),
            .port = number_at<int>(json, "port"),
            .timeline = number_at<std::uint32_t>(json, "timeline"),
            .lag_bytes = number_at<std::int64_t>(json, "lag")};
}

std::vector<std::string> parse_streaming(const Json& json) {
    std::vector<std::string> names;
    const auto senders = json.find("replication");
    if (senders == json.end() || !senders->is_array()) return names;
    for (const Json& sender : *senders) {
        if (sender.is_object() && text_at(sender, "state") == "streaming")
            names.push_back(text_at(sender, "application_name"));
    }
    return names;
}

NodeView parse_node(const Json& json) {
    NodeView node{.state = text_at(json, "state"),
                  .role = text_at(json, "role"),
                  .server_version = number_at<int>(json, "server_version"),
                  .timeline = number_at<std::uint32_t>(json, "timeline"),
                  .database_system_identifier = text_at(json, "database_system_identifier"),
                  .replication_state = text_at(json, "replication_state"),
                  .streaming_to = parse_streaming(json)};
    const auto patroni = json.find("patroni");
    if (patroni != json.end() && patroni->is_object()) {
        node.scope = text_at(*patroni, "scope");
        node.patroni_version = text_at(*patroni, "version");
    }
    return node;
}

}  // namespace

RestClient::RestClient(RestSettings settings) : settings_(std::move(settings)) {}

Result<http::Response> RestClient::send(http::Method method, const std::string& api_url, const std::string& path,
                                        const std::string& body) {
    http::Request request{.method = method, .url = base_of(api_url) + path, .body = body};
    if (method != http::Method::get) request.headers.emplace_back("Content-Type", "application/json");
    request.auth = settings_.auth;
    request.tls = settings_.tls;
    request.total_timeout = kTotalTimeout;
    request.largest_body_bytes = kLargestAnswerBytes;
    return http_.send(request);
}

Result<ClusterView> RestClient::read_cluster(const std::string& api_url) {
    const http::Response response = TRY(send(http::Method::get, api_url, "/cluster", ""));
    const Json json = Json::parse(response.body, nullptr, false);
    const auto members = json.is_object() ? json.find("members") : json.end();
    if (response.status != kOk || members == json.end() || !members->is_array()) {
        return refusal(base_of(api_url) + "/cluster", response);
    }
    ClusterView cluster;
    for (const Json& member : *members) {
        if (member.is_object()) cluster.members.push_back(parse_member(member));
    }
    return cluster;
}

Result<NodeView> RestClient::read_node(const std::string& api_url) {
    const http::Response response = TRY(send(http::Method::get, api_url, "/patroni", ""));
    const Json json = Json::parse(response.body, nullptr, false);
    const bool is_answer = response.status == kOk || response.status == kUnavailable;
    if (!is_answer || !json.is_object()) return refusal(base_of(api_url) + "/patroni", response);
    return parse_node(json);
}

Status RestClient::reinitialize(const std::string& api_url, const ReinitializeOptions& options) {
    const bool is_forced = options.running_task == RunningTask::cancel;
    const std::string body = is_forced ? R"({"force":true})" : R"({"force":false})";
    const http::Response response = TRY(send(http::Method::post, api_url, "/reinitialize", body));
    if (response.status != kOk) return refusal(base_of(api_url) + "/reinitialize", response);
    return {};
}

Status RestClient::wake(const std::string& api_url) {
    // Removes a key that no configuration has; an empty patch would not be looked at.
    const http::Response response =
        TRY(send(http::Method::patch, api_url, "/config", R"({"polygon_role_change_wakes":null})"));
    if (response.status != kOk) return refusal(base_of(api_url) + "/config", response);
    return {};
}

}  // namespace polygon::patroni
