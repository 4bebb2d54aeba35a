// Whether a server answers at all, whoever asks.
#pragma once

#include "common/postgres/connection.h"

namespace polygon::postgres {

enum class Reachability {
    accepts,  // it takes connections; that a login failed is then its own word
    rejects,  // it is there and takes none now: it starts, stops, or has hot_standby off
    silent
};

Reachability ping(const ConnectionParameters& parameters);

}  // namespace polygon::postgres
