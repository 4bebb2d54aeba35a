// What a node proves about its own server, and of the logins that it will need: found out there by `polygon-bootstrap
// prove`, over the connection that Patroni itself uses, and reported in the node's record (rebuild_state.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace polygon::etcd {

// One login that was tried from this node.
struct Login {
    std::string role;      // "superuser", "replication", "rewind": the section of postgresql.authentication
    std::string user;      // empty: libpq's default
    std::string member;    // whose server it was
    std::string address;   // "10.0.0.1:5432", or the folder of the Unix socket and the port
    std::string error;     // the server's words; empty: it was let in
    std::string hba_line;  // of pg_hba.conf there, if one is missing
    // The server answered, and said no. Otherwise it could not be asked: it is down, or starting.
    bool is_refused = false;
    bool is_full = false;  // it has as many connections as it may have, and says nothing of who is let in

    bool operator==(const Login&) const = default;
};

enum class ServerRole { unknown, primary, standby };

struct NodeProof {
    std::string id;                         // of the request, or of the phase that it was taken in
    std::string taken_at;                   // UTC
    ServerRole role = ServerRole::unknown;  // unknown: nothing could be seen; `error` says why
    bool is_visible = true;                 // false: a standby that admits no session (hot_standby is off)
    std::string generation;                 // of its own polygon.json; empty: it has none
    std::string system_identifier;
    std::uint32_t timeline = 0;      // that it writes, or receives
    std::string upstream;            // "host:port" that a standby receives from; empty: from nobody
    std::string receiver;            // the WAL receiver's status, "streaming"; empty: none runs
    std::uint64_t received_lsn = 0;  // of a standby: also what it has replayed from an archive
    std::uint64_t replayed_lsn = 0;
    std::uint64_t current_lsn = 0;   // of a primary: how far it has written
    std::uint64_t stamped_lsn = 0;   // of a primary: just after the row that it wrote for this certificate
    bool is_replay_held = false;     // by recovery_min_apply_delay, or by pg_wal_replay_pause()
    std::uint64_t cloned_bytes = 0;  // sent to base backups that run
    int waiting_backups = 0;         // base backups that wait for its checkpoint, before anything is sent
    std::vector<Login> logins;
    std::string evidence;          // of a primary: the certificate's part that it can see, as JSON
    std::string kept_certificate;  // of a primary: verified_at of the certificate that it holds in polygon.refresh
    std::string access;            // why the new polygon would not let this node in, although this one does
    std::string error;             // the last real error, in words

    bool operator==(const NodeProof&) const = default;
};

// What the agents are asked to prove, by the key `proof`: {"id": …, "purpose": …} under the asker's lease.
enum class ProofPurpose {
    rehearse,  // every login and look that a rebuild's end will make, on the polygon as it is
    verify     // the certificate of the polygon as it is
};

struct ProofRequest {
    std::string id;
    ProofPurpose purpose = ProofPurpose::rehearse;
};

std::string to_json(const NodeProof& proof);
std::string to_json(const ProofRequest& request);
// Errc::conflict if it is something else. What an older or newer program does not say has its default.
Result<NodeProof> parse_proof(const std::string& text);
Result<ProofRequest> parse_proof_request(const std::string& text);

// "0/3000148".
std::string lsn_text(std::uint64_t lsn);

}  // namespace polygon::etcd
