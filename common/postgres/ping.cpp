#include "common/postgres/ping.h"

#include <vector>

#include <libpq-fe.h>

namespace polygon::postgres {

namespace {

std::string keyword_of(const ConnectionParameters& parameters, const char* keyword) {
    const auto found = parameters.keywords.find(keyword);
    return found == parameters.keywords.end() ? "" : found->second;
}

}  // namespace

Reachability ping(const ConnectionParameters& parameters) {
    if (parameters.host_is == HostIs::one_server &&
        !require_one_server(keyword_of(parameters, "host"), keyword_of(parameters, "port")))
        return Reachability::silent;
    std::vector<const char*> keywords = {"connect_timeout"};
    std::vector<const char*> values = {"5"};
    for (const auto& [keyword, value] : parameters.keywords) {
        if (keyword == "replication" || keyword == "dbname") continue;
        keywords.push_back(keyword.c_str());
        values.push_back(value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    switch (PQpingParams(keywords.data(), values.data(), 0)) {
        case PQPING_OK:
            return Reachability::accepts;
        case PQPING_REJECT:
            return Reachability::rejects;
        default:
            return Reachability::silent;
    }
}

}  // namespace polygon::postgres
