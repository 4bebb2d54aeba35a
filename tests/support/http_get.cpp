#include "tests/support/http_get.h"

#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

namespace polygon::support {
namespace {

std::size_t append(const char* data, std::size_t size, std::size_t count, void* into) {
    static_cast<std::string*>(into)->append(data, size * count);
    return size * count;
}

}  // namespace

Result<Answer> http_get(const std::string& url) {
    const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
    Answer answer;
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 5L);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
    const CURLcode code = curl_easy_perform(curl.get());
    if (code != CURLE_OK) {
        return Error{Errc::http_unavailable, fmt::format("GET {}: {}", url, curl_easy_strerror(code)), "", Retry::safe};
    }
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
    return answer;
}

Result<nlohmann::json> http_get_json(const std::string& url) {
    const Answer answer = TRY(http_get(url));
    nlohmann::json parsed = nlohmann::json::parse(answer.body, nullptr, false);
    if (answer.status != 200 || parsed.is_discarded()) {
        return Error{Errc::rest_refused, fmt::format("GET {}: status {}: {}", url, answer.status, answer.body)};
    }
    // Not returned as it is: a Result's constructor takes anything that json converts to.
    return Result<nlohmann::json>(std::move(parsed));
}

}  // namespace polygon::support
