// What the stand asks of etcd and of Patroni's REST interface.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace polygon::support {

struct Answer {
    long status = 0;
    std::string body;
};

// Any status is an answer; no answer within five seconds is an Errc::http_unavailable.
Result<Answer> http_get(const std::string& url);

// The JSON text of a 200; anything else is an Errc::rest_refused.
Result<nlohmann::json> http_get_json(const std::string& url);

}  // namespace polygon::support
