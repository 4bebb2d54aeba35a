#include "tests/support/wal_archive.h"

#include <fstream>
#include <system_error>

#include <fmt/format.h>

namespace polygon::support {
namespace {

constexpr int kIdentifierOffset = 24;

std::string read_identifier(const std::filesystem::path& segment) {
    std::ifstream file(segment, std::ios::binary);
    std::uint64_t identifier = 0;
    file.seekg(kIdentifierOffset);
    file.read(reinterpret_cast<char*>(&identifier), sizeof identifier);
    return std::to_string(identifier);
}

// 24 hexadecimal digits; the others are histories and backup labels.
bool is_segment(const std::string& name) {
    return name.size() == 24 && name.find_first_not_of("0123456789ABCDEF") == std::string::npos;
}

Status check_new(const std::filesystem::path& file, const std::string& system_identifier, int timeline) {
    const std::string name = file.filename();
    if (!name.starts_with(fmt::format("{:08X}", timeline))) {
        return Error{Errc::not_proven,
                     fmt::format("'{}' in the archive is of another timeline than {}", name, timeline)};
    }
    if (is_segment(name) && read_identifier(file) != system_identifier) {
        return Error{Errc::not_proven, fmt::format("'{}' in the archive was written by another cluster", name)};
    }
    return {};
}

}  // namespace

ArchiveListing list_archive(const std::filesystem::path& directory) {
    ArchiveListing listing;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
        listing[entry.path().filename()] = {entry.file_size(ignored), entry.last_write_time(ignored)};
    }
    return listing;
}

Status check_archive(const std::filesystem::path& directory, const ArchiveListing& before,
                     const std::string& system_identifier, int timeline) {
    const ArchiveListing now = list_archive(directory);
    for (const auto& [name, file] : before) {
        const auto found = now.find(name);
        if (found == now.end()) return Error{Errc::not_proven, fmt::format("'{}' has gone from the archive", name)};
        if (found->second != file)
            return Error{Errc::not_proven, fmt::format("'{}' was written over in the archive", name)};
    }
    for (const auto& [name, file] : now) {
        if (!before.contains(name)) TRY(check_new(directory / name, system_identifier, timeline));
    }
    return {};
}

}  // namespace polygon::support
