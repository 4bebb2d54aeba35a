// A folder for one test, with the files that the test writes into it.
#pragma once

#include <filesystem>
#include <string>

namespace polygon::patroni {

class Folder {
  public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path write(const std::string& name, const std::string& text) const;

  private:
    std::filesystem::path path_;
};

}  // namespace polygon::patroni
