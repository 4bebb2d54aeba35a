#include "tests/unit/patroni/folder.h"

#include <fstream>
#include <stdexcept>

#include <stdlib.h>

namespace polygon::patroni {

Folder::Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "polygon-patroni.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create a directory");
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path Folder::write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
}

}  // namespace polygon::patroni
