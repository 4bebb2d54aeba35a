// A production whose settings, triggers and names get in the way of masking, and a folder of SQL.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/sanitize/masking/masking.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {

// Names that a shell, a conninfo or an identifier would take for something else.
inline const std::vector<std::string> kHostileDatabases = {"dbname=postgres", "it's \"a\" \\ \xe0\xb8\x81", "-x"};

class MaskingSite {
  public:
    // Made once: the shared site's production gets a database `shop` and the hostile ones, and a backup with them.
    static MaskingSite& shared();

    Site& site() { return Site::shared(); }

    // The folder that polygon.sql names, emptied, and files in it.
    void clear_folder();
    void write(const std::string& name, const std::string& text);
    std::filesystem::path folder() { return site().path() / "sql.d"; }

    // A bootstrap from that backup with the folder as polygon.sql; `more` lines go into the section.
    void configure(const std::string& more = "");

    // Production itself, running: run() masks it in place.
    void with_production(const std::function<void()>& body);
    Result<std::vector<std::string>> run(const std::map<std::string, std::string>& renamed = {},
                                         std::chrono::milliseconds limit = std::chrono::minutes(2));
    Result<sanitize::Masked> mask(sanitize::OldRows old_rows, const std::map<std::string, std::string>& renamed = {},
                                  std::chrono::milliseconds limit = std::chrono::minutes(2));
    // Of the running production, as its superuser.
    std::string query(const std::string& database, const std::string& sql);

  private:
    MaskingSite();
    void fill_shop();

    std::filesystem::path socket_;
};

}  // namespace polygon::test
