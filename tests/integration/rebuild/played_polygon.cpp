#include "tests/integration/rebuild/played_polygon.h"

#include <algorithm>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "common/sanitize/certificate.h"

namespace polygon::rebuild {
namespace {

using etcd::AnswerState;
using etcd::Phase;

const std::string kRunning = R"({"state":"running","role":"replica"})";

}  // namespace

PlayedPolygon::PlayedPolygon(const std::string& etcd_url) : keys_(kPrefix), client_({.urls = {etcd_url}}) {}

void PlayedPolygon::put(const std::string& key, const std::string& value) {
    if (!client_.commit({.compares = {}, .then = {etcd::put(key, value)}})) throw std::runtime_error("no etcd");
}

void PlayedPolygon::remove(const std::string& key) {
    if (!client_.commit({.compares = {}, .then = {etcd::remove(key)}})) throw std::runtime_error("no etcd");
}

std::optional<std::string> PlayedPolygon::get(const std::string& key) {
    const auto entry = client_.read(key);
    if (!entry) throw std::runtime_error(entry.error().message);
    return *entry ? std::optional((*entry)->value) : std::nullopt;
}

std::map<std::string, std::string> PlayedPolygon::keys() {
    std::map<std::string, std::string> all;
    const auto snapshot = client_.read_prefix("/service/");
    if (!snapshot) throw std::runtime_error(snapshot.error().message);
    for (const etcd::KeyValue& entry : snapshot->entries)
        all[entry.key] = entry.value;
    return all;
}

std::string PlayedPolygon::phase() {
    const auto text = get(keys_.phase());
    return text ? std::string(etcd::to_text(etcd::parse_phase(*text)->phase)) : "";
}

bool PlayedPolygon::has(const std::string& relative_key) {
    return get(kPrefix + relative_key).has_value();
}

void PlayedPolygon::begin() {
    if (!client_.commit({.compares = {}, .then = {etcd::remove_prefix("/service/")}}))
        throw std::runtime_error("no etcd");
    nodes_.clear();
    written_.clear();
    failures_.clear();
    wrong_.clear();
    login_error_.clear();
    is_behind_ = false;
    keeps_previous_ = false;
    held_.reset();
    put(kPrefix + "config", R"({"ttl":20,"loop_wait":1})");
    put(kPrefix + "initialize", kOldSystem);
    put(kPrefix + "history", "[[1,2]]");
    put(kPrefix + "leader", "polygon2");
    put(keys_.generation(), etcd::to_json(etcd::Generation{.generation = "g-old", .leader = "polygon2"}));
    for (const std::string member : {"polygon1", "polygon2", "polygon3"}) {
        put(kPrefix + "members/" + member, kRunning);
        nodes_[member] = {.name = member,
                          .version = "0.1.0",
                          .is_patroni_running = true,
                          .generation = "g-old",
                          .free_bytes = 1000,
                          .postgres_major = 15,
                          .system = "glibc 2.36"};
        write(member);
    }
}

void PlayedPolygon::fail_in(const std::string& member, Phase phase, int attempts) {
    failures_.insert_or_assign(member, Failure{phase, attempts});
}

void PlayedPolygon::lose(const std::string& member) {
    nodes_.erase(member);
    remove(keys_.node(member));
}

void PlayedPolygon::report(const std::string& json, const std::string& error) {
    report_ = json;
    report_error_ = error;
}

// As an agent does: only what has changed.
void PlayedPolygon::write(const std::string& member) {
    const std::string text = etcd::to_json(nodes_.at(member));
    if (written_[member] == text) return;
    written_[member] = text;
    put(keys_.node(member), text);
}

// Whoever holds the leader key stops last.
bool PlayedPolygon::stop(const std::string& member) {
    if (get(kPrefix + "leader") == member) {
        const bool others_run = std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
            return node.first != member && node.second.is_patroni_running;
        });
        if (others_run) return false;
        remove(kPrefix + "leader");
    }
    remove(kPrefix + "members/" + member);
    nodes_.at(member).is_patroni_running = false;
    return true;
}

bool PlayedPolygon::start(const std::string& member, const std::string& leader) {
    if (!has("initialize")) throw std::runtime_error("Patroni was started where nothing is initialised");
    if (member != leader && !has("leader")) return false;
    if (!has("leader")) put(kPrefix + "leader", leader);
    if (!has("members/" + member)) put(kPrefix + "members/" + member, kRunning);
    nodes_.at(member).is_patroni_running = true;
    return true;
}

bool PlayedPolygon::bootstrap(const std::string& member, const etcd::Plan& plan) {
    if (member != plan.leader) return true;
    if (has("initialize")) return get(kPrefix + "initialize") == kNewSystem;
    put(kPrefix + "initialize", kNewSystem);
    put(keys_.generation(), etcd::to_json(etcd::Generation{.generation = plan.generation, .leader = member}));
    return start(member, member);
}

bool PlayedPolygon::act(const std::string& member, const etcd::Plan& plan, const etcd::PhaseRecord& phase) {
    etcd::NodeRecord& node = nodes_.at(member);
    switch (phase.phase) {
        case Phase::stop:
        case Phase::undo:
            return !node.is_patroni_running || stop(member);
        case Phase::bootstrap:
            if (member == plan.leader) node.previous_for = node.generation = plan.generation;
            return bootstrap(member, plan);
        case Phase::replicas:
            node.previous_for = node.generation = plan.generation;
            return start(member, plan.leader);
        case Phase::restore:
            node.previous_for.clear();
            node.generation = "g-old";
            return start(member, "polygon2");
        case Phase::done:
            if (!keeps_previous_) node.previous_for.clear();
            return true;
        default:
            return true;
    }
}

// Nothing is there to look at: what a leader, and replicas that stream from it, would say.
void PlayedPolygon::prove(const std::string& member, const std::string& id, const std::string& generation) {
    const bool leads = get(kPrefix + "leader") == member;
    etcd::NodeProof proof{.id = id,
                          .role = leads ? etcd::ServerRole::primary : etcd::ServerRole::standby,
                          .generation = generation,
                          .system_identifier = kNewSystem,
                          .timeline = 1,
                          .receiver = leads || is_behind_ ? "" : "streaming",
                          .received_lsn = is_behind_ ? 0U : 1000U,
                          .replayed_lsn = is_behind_ ? 0U : 1000U,
                          .current_lsn = 1000};
    proof.logins = {
        {.role = "superuser", .member = member, .address = "localhost:5432"},
        {.role = "replication",
         .user = "replicator",
         .member = get(kPrefix + "leader").value_or(""),
         .address = "10.0.0.2:5432",
         .error = login_error_,
         .hba_line = login_error_.empty() ? "" : "host replication \"replicator\" 10.0.0.1/32 scram-sha-256",
         .is_refused = !login_error_.empty()}};
    if (leads) {
        sanitize::Certificate evidence{
            .scope = "polygon", .verified_at = "2026-11-20T03:00:00Z", .marker = {.generation = generation}};
        evidence.checks = {{"leader", wrong_.empty(), wrong_}};
        proof.evidence = sanitize::to_json(evidence);
        proof.stamped_lsn = 900;
        const auto kept = get(keys_.certificate());
        const auto certificate = kept ? sanitize::parse_certificate(*kept) : Error{Errc::not_proven, "", ""};
        if (certificate) proof.kept_certificate = certificate->verified_at;
    }
    nodes_.at(member).proof = proof;
}

void PlayedPolygon::step() {
    const auto plan_text = get(keys_.plan());
    const auto phase_text = get(keys_.phase());
    const auto preflight = get(keys_.preflight());
    const auto plan = plan_text ? std::optional(*etcd::parse_plan(*plan_text)) : std::nullopt;
    const auto phase = phase_text ? std::optional(*etcd::parse_phase(*phase_text)) : std::nullopt;
    const auto asked = get(keys_.proof());
    for (auto& [member, node] : nodes_) {
        node.proof.reset();
        if (asked) prove(member, etcd::parse_proof_request(*asked)->id, node.generation);
        if (phase && (phase->phase == Phase::replicas || phase->phase == Phase::verify))
            prove(member, etcd::proof_id(*phase), phase->generation);
        if (preflight)
            node.preflight = etcd::Preflight{.id = nlohmann::json::parse(*preflight).at("id"),
                                             .report = report_error_.empty() ? report_ : "",
                                             .error = report_error_};
        if (plan && phase && plan->generation == phase->generation && etcd::names_member(*plan, member)) {
            etcd::Answer answer{.generation = phase->generation, .phase = phase->phase, .attempt = phase->attempt};
            const auto failure = failures_.find(member);
            const bool fails = failure != failures_.end() && failure->second.phase == phase->phase &&
                               phase->attempt <= failure->second.attempts;
            if (fails) {
                answer.state = AnswerState::failed;
                answer.error = "as was wanted";
            } else if (held_ != phase->phase && act(member, *plan, *phase)) {
                answer.state = AnswerState::done;
            }
            node.answer = answer;
        }
        write(member);
    }
}

}  // namespace polygon::rebuild
