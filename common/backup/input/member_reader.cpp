#include "common/backup/input/member_reader.h"

#include <algorithm>

#include "common/backup/damage.h"
#include "common/backup/input/tar_reader.h"
#include "common/backup/input/tree_reader.h"

namespace polygon::backup {

bool MemberReader::share_content(const fs::Fd& /*destination*/) {
    return false;
}

Result<std::vector<std::unique_ptr<MemberReader>>> open_members(Format format, const Archive& archive,
                                                                std::size_t shares) {
    if (format == Format::plain) return TreeReader::open(archive.path, shares);
    std::vector<std::unique_ptr<MemberReader>> readers;
    readers.push_back(unpack_ahead(TRY(TarReader::open(archive.path))));
    return readers;
}

Result<std::string> safe_path(const fs::Path& archive, std::string_view name) {
    const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (std::any_of(name.begin(), name.end(), is_control)) {
        return refused_member(archive, name, "has a control character in its name");
    }
    if (name.starts_with('/')) return refused_member(archive, name, "has an absolute name");
    std::string path;
    std::string_view rest = name;
    while (!rest.empty()) {
        const std::string_view component = rest.substr(0, rest.find('/'));
        rest.remove_prefix(std::min(component.size() + 1, rest.size()));
        if (component == "..") return refused_member(archive, name, "leads out of its directory");
        if (component.empty() || component == ".") continue;
        if (!path.empty()) path += '/';
        path += component;
    }
    return path;
}

}  // namespace polygon::backup
