// What production's configuration files say, none of which comes to the clone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/postgres/generation_marker.h"

namespace polygon::bootstrap {

// Whether a file at this path is one of them: postgresql.base.conf, postgresql.conf, postgresql.auto.conf.
bool is_settings_file(std::string_view path);

// Their content, which is not restored.
class ProductionFiles {
  public:
    // Passes over what is no such file. Without content where it is too large.
    void keep(const std::string& path, const std::optional<std::string>& content);
    bool has(const std::string& path) const { return kept_.contains(path); }
    std::optional<std::string> read(const std::string& path) const { return kept_.at(path); }

  private:
    std::map<std::string, std::optional<std::string>, std::less<>> kept_;
};

struct ProductionSettings {
    std::vector<postgres::LeftSetting> settings;  // by name, each once: the last one that PostgreSQL reads
    std::vector<std::string> problems;            // one line each: what was not read or not understood
};

// In the order in which PostgreSQL reads them under Patroni. What they include is not followed. Whatever the files hold
// is no error.
ProductionSettings read_production_settings(const ProductionFiles& files);

// Tells the log, and fills in what the marker says of them.
void leave_settings_behind(const ProductionFiles& files, postgres::GenerationMarker& marker);

}  // namespace polygon::bootstrap
