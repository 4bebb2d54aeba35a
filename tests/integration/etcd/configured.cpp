#include "tests/integration/etcd/configured.h"

#include <fstream>
#include <stdexcept>

#include <stdlib.h>

#include "common/patroni/configuration.h"

namespace polygon::etcd {

Folder::Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "polygon-etcd.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create a directory");
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string Folder::write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
}

Settings configured(const std::string& section) {
    const Folder folder;
    const std::string file = folder.write(
        "patroni.yml", "scope: main\nname: one\npostgresql: {data_dir: /nowhere}\netcd3:\n" + section + "\n");
    const auto configuration = patroni::Configuration::load({file, {}});
    if (!configuration) throw std::runtime_error(configuration.error().message);
    return configuration->etcd3;
}

}  // namespace polygon::etcd
