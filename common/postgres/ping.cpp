#include "common/postgres/ping.h"

#include <vector>

#include <libpq-fe.h>

namespace polygon::postgres {

Reachability ping(const ConnectionParameters& parameters) {
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
