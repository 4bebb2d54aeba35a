// A server of PostgreSQL 17 or later and chains of a full and two incremental backups of it, in several formats.
#pragma once

#include <string>
#include <vector>

#include "tests/integration/backup/server.h"

namespace polygon::backup::test {

// Whether the PostgreSQL here takes incremental backups. Says so if not.
bool has_incremental_backups();

class IncrementalSite {
  public:
    // Made once for the whole executable. Its backups must not be changed.
    static const IncrementalSite& shared();

    // Folders with the backups "1-full", "2-monday" and "3-tuesday".
    static const std::vector<std::string>& chains();
    fs::Path chain(const std::string& name) const { return workspace_ / name; }
    // Another copy of a chain, to be changed; its plain backups' tablespaces are the same.
    fs::Path copy_chain(const std::string& name) const;

    // `polygon-bootstrap` with these arguments.
    process::Command command(std::vector<std::string> arguments) const;
    process::Finished run(std::vector<std::string> arguments) const;
    // "--tablespace" and its value for each tablespace of the last backup; the places are in places().
    std::vector<std::string> tablespace_options(const std::string& chain) const;
    // Where everything is restored to, emptied.
    fs::Path places() const { return workspace_ / "places"; }
    void clear() const;

    // Starts what is in places()/data and compares it with production as the last backup has it.
    void check_restored() const;

    const Workspace& workspace() const { return workspace_; }

  private:
    IncrementalSite();
    void take_backups(const Server& server, int number) const;
    fs::Path tablespace_of(const std::string& chain, int number, const std::string& tablespace) const;

    Workspace workspace_;
    std::vector<std::string> expected_;
};

}  // namespace polygon::backup::test
