#include "tests/support/config_variant.h"

#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "common/fs/file.h"

namespace polygon::support {

Status write_config_variant(const Workspace& workspace, const std::string& base, const std::string& name,
                            std::span<const Insertion> insertions) {
    std::string text = TRY(fs::read_file(workspace.patroni_config(base)));
    for (const Insertion& insertion : insertions) {
        const std::string line = fmt::format("\n{}\n", insertion.after);
        const std::size_t place = text.find(line);
        if (place == std::string::npos) {
            return Error{Errc::configuration,
                         fmt::format("no line '{}' in '{}'", insertion.after, workspace.patroni_config(base).string())};
        }
        text.insert(place + line.size(), insertion.lines);
    }
    const std::filesystem::path file = workspace.patroni_config(name);
    std::error_code ignored;  // writing says it
    std::filesystem::create_directory(file.parent_path(), ignored);
    TRY(fs::replace_file(file, text, 0644));
    return workspace.account().give(file.parent_path());
}

}  // namespace polygon::support
