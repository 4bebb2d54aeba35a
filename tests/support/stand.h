// Production and polygon side by side, and the steps of a rebuild: the demo shows them, the end-to-end tests assert
// them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/cluster.h"
#include "tests/support/dangers.h"
#include "tests/support/operator_command.h"
#include "tests/support/thai.h"
#include "tests/support/wal_archive.h"
#include "tests/support/workspace.h"

namespace polygon::support {

// dangerous: with all that makes it so (dangers.h). plain: with nothing but database thai and two roles.
enum class ProductionKind { dangerous, plain };

struct StandSettings {
    Lifetime lifetime = Lifetime::ends_with_us;
    int tickets = 600'000;  // of thai.sql
    ProductionKind production = ProductionKind::dangerous;
    std::filesystem::path programs;  // where those under test are; empty: beside our own
};

// What production was when its backup was taken.
struct ProductionState {
    std::string system_identifier;
    int timeline = 0;
    Contents contents;
    ArchiveListing archive;
};

enum class SystemIdentifier { fresh, kept };

struct RebuildOptions {
    SystemIdentifier system_identifier = SystemIdentifier::fresh;
    std::string leader = "polygon1";
};

class Stand {
  public:
    static Result<std::unique_ptr<Stand>> make(const StandSettings& settings);

    // etcd and three nodes; database thai; roles app and report; and all that is dangerous to clone.
    Status make_production();
    // etcd and three nodes under other passwords, database thai_polygon, and more WAL than production has.
    Status make_polygon();
    // The same, but each node is a service under polygon-entrypoint with the polygon's own file from the start, so that
    // a staged rebuild can be its first; and database thai, with rows of its own.
    Status make_service_polygon();
    // pg_basebackup -Ft -Xs -z --checkpoint=fast from production's leader, while it feeds on its partner and no longer;
    // remembers what production is.
    Status take_backup();

    // The four parts of a rebuild, and all of them in a row.
    Status stop_polygon();
    Status reset(const std::string& leader);
    Status start_polygon(SystemIdentifier system_identifier);
    Status wait_for_polygon();
    Status rebuild(const RebuildOptions& options);

    // `polygon-rebuild run --yes` and these arguments, in the background.
    Result<OperatorCommand> start_rebuild(const std::vector<std::string>& arguments = {});
    // Any of polygon-rebuild's subcommands in the background.
    Result<OperatorCommand> start_operator(std::vector<std::string> arguments);
    // start_rebuild() to its end and to a healthy polygon; Errc::process_failed with its output otherwise.
    Status run_rebuild(const std::vector<std::string>& arguments = {});
    // Adds these lines to the end of section `polygon` of the file that the polygon's nodes have, in place of those
    // that were added before. What runs goes by it when it is started anew.
    Status configure_polygon(const std::string& lines);

    // A polygon-rebuild subcommand with the polygon's configuration, as its operator would run it.
    Result<process::Finished> polygon_rebuild(std::vector<std::string> arguments);

    Workspace& workspace() { return *workspace_; }
    Cluster& production() { return *production_; }
    Cluster& polygon() { return *polygon_; }
    Dangers& dangers() { return *dangers_; }
    // What the polygon's nodes are started with from the first rebuild on.
    std::filesystem::path polygon_config() const { return workspace_->patroni_config("own-polygon"); }
    // Every password of either side and of those that production deals with.
    std::vector<std::string> passwords() const;
    // As of the last backup.
    const ProductionState& production_state() const { return production_state_; }
    const std::filesystem::path& backup() const { return backup_; }
    std::filesystem::path archive() const { return workspace_->path() / "production/archive"; }
    // Before the last rebuild; empty before the first.
    const std::string& previous_identifier() const { return previous_identifier_; }
    SystemIdentifier asked_identifier() const { return asked_identifier_; }
    // What the last reset printed.
    const std::string& reset_output() const { return reset_output_; }
    // The same of the last run_rebuild().
    const std::string& rebuild_output() const { return rebuild_output_; }

    // Everything goes on running when this object goes. Returns the script that ends it.
    Result<std::filesystem::path> leave_running();

  private:
    explicit Stand(const StandSettings& settings, std::unique_ptr<Workspace> workspace);
    Status make_clusters();
    Status write_configurations() const;
    process::Command operator_command(std::vector<std::string> arguments);
    Status copy_production();
    Status remember_production();

    StandSettings settings_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<Cluster> production_;
    std::unique_ptr<Cluster> polygon_;
    std::unique_ptr<Dangers> dangers_;
    ProductionState production_state_;
    std::filesystem::path backup_;
    int backups_ = 0;
    std::string previous_identifier_;
    std::string reset_output_;
    std::string rebuild_output_;
    SystemIdentifier asked_identifier_ = SystemIdentifier::fresh;
};

// pg_control_system()'s system_identifier.
Result<std::string> read_system_identifier(Database& database);

}  // namespace polygon::support
