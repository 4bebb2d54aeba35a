// The JSON of etcd's gateway: requests written, answers read. For client.cpp and its tests.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/secret.h"
#include "common/etcd/client.h"

namespace polygon::etcd {

std::string write_range(std::string_view key);
std::string write_prefix_range(std::string_view prefix);
std::string write_transaction(const Transaction& transaction);
std::string write_lease_grant(std::chrono::seconds ttl);
std::string write_lease_id(LeaseId id);
std::string write_credentials(std::string_view user, const Secret& password);

// Nothing if the text is not what etcd answers. Numbers come as strings or numbers, and not at all when they are 0.
std::optional<Snapshot> read_range_answer(std::string_view text);
std::optional<Outcome> read_transaction_answer(std::string_view text);
std::optional<Lease> read_lease_answer(std::string_view text);       // lease/grant, lease/timetolive
std::optional<Lease> read_keep_alive_answer(std::string_view text);  // a stream of one
std::optional<std::string> read_token_answer(std::string_view text);

// gRPC's codes that matter here (google.golang.org/grpc/codes).
constexpr int kGrpcUnknown = 2;
constexpr int kGrpcDeadlineExceeded = 4;
constexpr int kGrpcNotFound = 5;
constexpr int kGrpcUnavailable = 14;
constexpr int kGrpcUnauthenticated = 16;

struct Refusal {
    int code = 0;  // gRPC's; 0: the answer had none
    std::string message;
};

// Of an answer with HTTP status 400 or more: `error` until etcd 3.5, `message` alone in 3.6, an object in a stream.
Refusal read_refusal(int http_status, std::string_view text);

// The token is missing, expired, or older than the user database.
bool is_about_token(const Refusal& refusal);
// This endpoint cannot serve now; another may.
bool is_about_endpoint(const Refusal& refusal);
// As above, and it is sure that nothing was done (a timeout is not that).
bool is_surely_undone(const Refusal& refusal);

}  // namespace polygon::etcd
