// Views of a rebuild of three members, polygon2 leading now and polygon1 to lead next, for the tests to change.
#pragma once

#include <string>
#include <vector>

#include "bootstrap/rebuild/coordinator/view.h"

namespace polygon::rebuild {

inline const std::string kGeneration = "20261120T030000Z-7f3a";
inline const std::string kOldSystem = "100";
inline const std::string kNewSystem = "200";
inline constexpr std::uint64_t kStamped = 0x3000148;
inline const std::vector<std::string> kMembers = {"polygon1", "polygon2", "polygon3"};

etcd::Plan make_plan_of(etcd::Mode mode = etcd::Mode::staged,
                        etcd::ReplicaSource replicas = etcd::ReplicaSource::leader);

// All agents live and silent; before `bootstrap` the old cluster's keys are there, later the new one's.
View view_in(etcd::Phase phase, etcd::Mode mode = etcd::Mode::staged,
             etcd::ReplicaSource replicas = etcd::ReplicaSource::leader);

void answer(View& view, const std::string& member, etcd::AnswerState state, const std::string& error = "");
void answer_all(View& view, etcd::AnswerState state);

// What the nodes prove in this phase: polygon1 leads, the others stream from it and have all of its WAL.
etcd::NodeProof& proof_of(View& view, const std::string& member);
void prove_all(View& view);

// Patroni's keys.
void lead(View& view, const std::string& member, const std::string& system_identifier);
void run_all(View& view, const std::string& state = "running");
void stop_all(View& view);

}  // namespace polygon::rebuild
