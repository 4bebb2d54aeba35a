// A polygon of three members that exists in etcd alone: what agents and Patroni would write, step by step.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/etcd/rebuild_state.h"

namespace polygon::rebuild {

inline const std::string kPrefix = "/service/polygon/";
inline const std::string kOldSystem = "7000000000000000100";
inline const std::string kNewSystem = "7000000000000000200";

class PlayedPolygon {
  public:
    explicit PlayedPolygon(const std::string& etcd_url);

    // Everything away; then the old polygon runs, polygon2 leading.
    void begin();
    // Each agent does what the phase asks of it, once: stops, starts, answers, reports.
    void step();

    // From now on this member answers `failed` to this phase and attempts up to this one.
    void fail_in(const std::string& member, etcd::Phase phase, int attempts = 1);
    // Nobody is done with this phase until it is another one, or none.
    void hold(std::optional<etcd::Phase> phase) { held_ = phase; }
    // Its agent is gone, and its record with it.
    void lose(const std::string& member);
    void keep_previous() { keeps_previous_ = true; }
    // What the leader's evidence says against the new polygon; empty: nothing.
    void find_wrong(const std::string& check) { wrong_ = check; }
    // Of the logins that every member rehearses: this error at the leader's address; empty: none.
    void refuse_logins(const std::string& error) { login_error_ = error; }
    // The replicas run, and follow nobody.
    void keep_behind() { is_behind_ = true; }
    // Of the preflight of every member: a report, or else this error.
    void report(const std::string& json, const std::string& error = "");

    void put(const std::string& key, const std::string& value);
    void remove(const std::string& key);
    std::optional<std::string> get(const std::string& key);
    std::map<std::string, std::string> keys();
    std::string phase();
    const etcd::RebuildKeys& rebuild_keys() const { return keys_; }

  private:
    struct Failure {
        etcd::Phase phase;
        int attempts;
    };
    bool act(const std::string& member, const etcd::Plan& plan, const etcd::PhaseRecord& phase);
    bool stop(const std::string& member);
    bool bootstrap(const std::string& member, const etcd::Plan& plan);
    bool start(const std::string& member, const std::string& leader);
    void write(const std::string& member);
    void prove(const std::string& member, const std::string& id, const std::string& generation);
    bool has(const std::string& relative_key);

    etcd::RebuildKeys keys_;
    etcd::Client client_;
    std::map<std::string, etcd::NodeRecord> nodes_;
    std::map<std::string, std::string> written_;
    std::map<std::string, Failure> failures_;
    std::string report_ = R"({"source": {"label": "monday", "time": "t", "postgresql": 15, "bytes": 10}})";
    std::string report_error_;
    std::string wrong_;
    std::string login_error_;
    bool is_behind_ = false;
    bool keeps_previous_ = false;
    std::optional<etcd::Phase> held_;
};

}  // namespace polygon::rebuild
