// A rebuild under way on the site: its keys in etcd, and the node's helper program as the agents of two members call
// it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/etcd/rebuild_state.h"
#include "common/postgres/data_directory.h"
#include "common/process/child.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {

inline constexpr const char* kStagedGeneration = "20261121T030000Z-0001";

class StagingMember {
  public:
    // polygon1 is the node of the site's configuration, any other has its data beside it.
    explicit StagingMember(const std::string& name) : name_(name) {}

    std::filesystem::path data() const;
    std::filesystem::path staged() const { return data().string() + ".staged"; }
    std::filesystem::path previous() const { return data().string() + ".previous"; }
    std::filesystem::path status_file() const { return Site::shared().path() / (name_ + "-status.json"); }
    postgres::Places places() const { return postgres::find_places(data()); }

    process::Finished run(const std::string& subcommand, const std::vector<std::string>& more = {},
                          const process::Environment& variables = {}) const;
    process::Finished bootstrap() const;
    // The same as a child, whose output goes to NAME-SUBCOMMAND.log of the workspace.
    process::Child start(const std::string& subcommand, const std::vector<std::string>& more = {},
                         const process::Environment& variables = {}) const;
    // A field of the status file, "" if it is not there.
    std::string status(const std::string& field) const;
    // Until its `serve` says an address.
    std::string await_address(process::Child& serve) const;

  private:
    std::vector<std::string> argv(const std::string& subcommand, const std::vector<std::string>& more) const;
    process::Environment environment(const process::Environment& variables) const;

    std::string name_;
};

inline const StagingMember kLeader("polygon1");
inline const StagingMember kReplica("polygon2");

// Plan of a staged rebuild of members polygon1 (which leads) and polygon2, with the backup that is there.
etcd::Plan make_staged_plan();
void put_orders(const etcd::Plan& plan, etcd::Phase phase);

// A finished, sealed clone of polygon1's; the phase is `stage` then.
void stage_clone(const etcd::Plan& plan);

// With nothing of a data directory but its PG_VERSION.
void make_some_directory(const std::filesystem::path& path);

// Of one server of a data directory, as its superuser.
std::string ask(const std::filesystem::path& socket_directory, const std::string& sql);

}  // namespace polygon::test
