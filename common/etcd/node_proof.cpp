#include "common/etcd/node_proof.h"

#include <array>

#include "common/etcd/value_json.h"

namespace polygon::etcd {
namespace {

constexpr std::array kRoles = {std::pair{ServerRole::unknown, std::string_view("unknown")},
                               std::pair{ServerRole::primary, std::string_view("primary")},
                               std::pair{ServerRole::standby, std::string_view("standby")}};
constexpr std::array kPurposes = {std::pair{ProofPurpose::rehearse, std::string_view("rehearse")},
                                  std::pair{ProofPurpose::verify, std::string_view("verify")}};

Json login_json(const Login& login) {
    return {{"role", login.role},
            {"user", login.user},
            {"member", login.member},
            {"address", login.address},
            {"error", login.error},
            {"hba_line", login.hba_line},
            {"is_refused", login.is_refused},
            {"is_full", login.is_full}};
}

Login to_login(const Json& json) {
    return {.role = json.at("role"),
            .user = json.value("user", ""),
            .member = json.value("member", ""),
            .address = json.value("address", ""),
            .error = json.value("error", ""),
            .hba_line = json.value("hba_line", ""),
            .is_refused = json.value("is_refused", false),
            .is_full = json.value("is_full", false)};
}

NodeProof to_proof(const Json& json) {
    const auto number = [&](const char* key) { return json.value(key, std::uint64_t{0}); };
    const auto text = [&](const char* key) { return json.value(key, std::string()); };
    NodeProof proof{.id = text("id"),
                    .taken_at = text("taken_at"),
                    .role = value_of(kRoles, json.at("role")),
                    .is_visible = json.value("is_visible", true),
                    .generation = text("generation"),
                    .system_identifier = text("system_identifier"),
                    .timeline = json.value("timeline", std::uint32_t{0}),
                    .upstream = text("upstream"),
                    .receiver = text("receiver"),
                    .received_lsn = number("received_lsn"),
                    .replayed_lsn = number("replayed_lsn"),
                    .current_lsn = number("current_lsn"),
                    .stamped_lsn = number("stamped_lsn"),
                    .is_replay_held = json.value("is_replay_held", false),
                    .cloned_bytes = number("cloned_bytes"),
                    .waiting_backups = json.value("waiting_backups", 0),
                    .evidence = text("evidence"),
                    .kept_certificate = text("kept_certificate"),
                    .access = text("access"),
                    .error = text("error")};
    for (const Json& login : json.value("logins", Json::array()))
        proof.logins.push_back(to_login(login));
    return proof;
}

template <class Parse>
auto parse_value(const std::string& text, std::string_view what, Parse&& parse) -> Result<decltype(parse(Json()))> {
    try {
        return parse(Json::parse(text));
    } catch (const std::exception& error) {
        return Error{Errc::conflict, fmt::format("{} cannot be understood: {}", what, error.what()),
                     "Run the same version of pg-polygon on every node."};
    }
}

}  // namespace

std::string to_json(const NodeProof& proof) {
    Json logins = Json::array();
    for (const Login& login : proof.logins)
        logins.push_back(login_json(login));
    return dump({{"id", proof.id},
                 {"taken_at", proof.taken_at},
                 {"role", word_of(kRoles, proof.role)},
                 {"is_visible", proof.is_visible},
                 {"generation", proof.generation},
                 {"system_identifier", proof.system_identifier},
                 {"timeline", proof.timeline},
                 {"upstream", proof.upstream},
                 {"receiver", proof.receiver},
                 {"received_lsn", proof.received_lsn},
                 {"replayed_lsn", proof.replayed_lsn},
                 {"current_lsn", proof.current_lsn},
                 {"stamped_lsn", proof.stamped_lsn},
                 {"is_replay_held", proof.is_replay_held},
                 {"cloned_bytes", proof.cloned_bytes},
                 {"waiting_backups", proof.waiting_backups},
                 {"logins", std::move(logins)},
                 {"evidence", proof.evidence},
                 {"kept_certificate", proof.kept_certificate},
                 {"access", proof.access},
                 {"error", proof.error}});
}

Result<NodeProof> parse_proof(const std::string& text) {
    return parse_value(text, "the node's proof", to_proof);
}

std::string to_json(const ProofRequest& request) {
    return dump({{"id", request.id}, {"purpose", word_of(kPurposes, request.purpose)}});
}

Result<ProofRequest> parse_proof_request(const std::string& text) {
    return parse_value(text, "the value of key 'proof'", [](const Json& json) {
        return ProofRequest{.id = json.at("id"), .purpose = value_of(kPurposes, json.at("purpose"))};
    });
}

std::string lsn_text(std::uint64_t lsn) {
    return fmt::format("{:X}/{:X}", lsn >> 32U, lsn & 0xFFFFFFFFU);
}

}  // namespace polygon::etcd
