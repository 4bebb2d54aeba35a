// polygon-rebuild verify: the certificate of the running polygon.
#pragma once

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/patroni/configuration.h"

namespace polygon::rebuild {

struct VerifyRequest {
    patroni::ConfigurationSources sources;
    bool is_json = false;
};

// Prints the certificate, stores it in etcd and in table polygon.refresh; Errc::not_proven naming what does not hold.
// It writes one row on the leader (verified_at) and waits for it on each replica.
Status verify(const VerifyRequest& request, Clock& clock);

}  // namespace polygon::rebuild
