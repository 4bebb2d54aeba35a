// polygon-bootstrap prove: what this node can say of its own server, as JSON for the node's agent. Nothing is changed
// but, for a certificate, the leader's row in polygon.refresh and the certificate's file.
#pragma once

#include "bootstrap/restore/bootstrap.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace polygon::bootstrap {

struct Wanted {
    bool logins = false;     // try what the nodes of a polygon need of each other
    bool evidence = false;   // on a leader: the certificate's part that it can see
    bool rehearsal = false;  // make the looks that the evidence takes, and report only whether they can be made
    bool keeping = false;    // on a leader: keep the coordinator's certificate, if it has written one
};

// Prints one NodeProof; what could not be seen is in it, and no error. Errors: configuration, etcd_unavailable.
Status prove(const Request& request, const Wanted& wanted, Clock& clock);

}  // namespace polygon::bootstrap
