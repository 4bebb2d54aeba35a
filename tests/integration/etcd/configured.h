// A client's settings by way of Patroni's configuration, as every program has them.
#pragma once

#include <filesystem>
#include <string>

#include "common/etcd/client.h"

namespace polygon::etcd {

// A directory that goes with this.
class Folder {
  public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();

    std::string operator/(const std::string& name) const { return path_ / name; }
    std::string write(const std::string& name, const std::string& text) const;

  private:
    std::filesystem::path path_;
};

// `section`: the lines of etcd3. Throws std::runtime_error if Patroni's configuration would not be read.
Settings configured(const std::string& section);

}  // namespace polygon::etcd
