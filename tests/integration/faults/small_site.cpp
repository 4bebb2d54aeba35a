#include "tests/integration/faults/small_site.h"

#include <filesystem>

#include <fcntl.h>

#include "tests/support/catch.h"
#include "tests/unit/backup/block_source.h"

namespace polygon::faults {
namespace {

namespace stdfs = std::filesystem;
using backup::test::TarMember;

constexpr std::uint32_t kOid = 16384;

void check_files(const std::vector<TarMember>& members, const fs::Path& directory) {
    for (const TarMember& member : members) {
        if (member.type != '0' || member.name == "tablespace_map") continue;
        INFO((directory / member.name).string());
        const auto content = fs::read_file(directory / member.name);
        CHECK(content.has_value());
        CHECK((content.value_or("") == member.content));
    }
}

}  // namespace

SmallSite::SmallSite(const std::string& format) {
    sample_.member("PG_VERSION").content = "99\n";  // so that no pg_waldump looks into WAL that is not any
    sample_.base.insert(sample_.base.end() - 2,
                        {.name = std::string("base/5/") + kLargeFile, .content = backup::test::noise((3U << 20) + 5)});
    if (format == "plain") {
        sample_.tablespaces[kOid] = {{.name = "PG_15_202209061/5/16386", .content = std::string(8192, 't')}};
    } else {
        sample_.add_tablespace(kOid, directory_ / "production");
    }
    sample_.seal();
    if (format == "tar") sample_.write_tar(directory_ / "backup");
    if (format == "gzip") sample_.write_gzip(directory_ / "backup");
    if (format == "plain") write_plain();
    backup::test::write(root() / "neighbour/precious", "untouched");
    clear();
}

void SmallSite::write_plain() const {
    sample_.write_plain(directory_ / "backup");
    for (const TarMember& member : sample_.tablespaces.at(kOid))
        backup::test::write(directory_ / "production" / member.name, member.content);
    stdfs::create_directories(directory_ / "backup/pg_tblspc");
    stdfs::create_directory_symlink(directory_ / "production", directory_ / "backup/pg_tblspc/16384");
}

bool SmallSite::takes_direct_writes() const {
    const fs::Path probe = directory_ / "probe";
    return fs::Fd(::open(probe.c_str(), O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600)).is_open();
}

std::vector<std::string> SmallSite::arguments() const {
    return {directory_ / "backup", data(), "--tablespace",
            (directory_ / "production").string() + "=" + fast().string()};
}

process::Finished SmallSite::restore(const FaultPage& page) const {
    return restore_with(page, root(), arguments());
}

void SmallSite::check_restored() const {
    check_files(sample_.base, data());
    check_files(sample_.wal, data() / "pg_wal");
    check_files(sample_.tablespaces.at(kOid), fast());
    CHECK(stdfs::read_symlink(data() / "pg_tblspc/16384") == fast());
    for (const fs::Path& place : {data(), fast()})
        CHECK_FALSE(stdfs::exists(place / "polygon-restore.incomplete"));
}

void SmallSite::clear() const {
    stdfs::remove_all(data().parent_path());
    stdfs::remove_all(fast());
    stdfs::create_directories(fast());
    stdfs::permissions(fast(), stdfs::perms(0750));
}

void SmallSite::open_to_everybody() const {
    using stdfs::perms;
    for (const fs::Path& directory : {directory_.path(), root(), directory_ / "backup"})
        stdfs::permissions(directory, perms(0755));
    for (const auto& entry : stdfs::directory_iterator(directory_ / "backup"))
        stdfs::permissions(entry.path(), perms(0644));
    stdfs::permissions(fast(), perms(0777));
}

}  // namespace polygon::faults
