#include "tests/unit/backup/archive_builder.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "common/process/child.h"
#include "tests/support/catch.h"

namespace polygon::backup::test {
namespace {

using namespace std::chrono_literals;

void put(std::string& header, std::size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
}

std::string file_entry(const std::string& path, const std::string& content, const Sample& sample) {
    const std::string checksum = checksum_of(sample.algorithm, content);
    std::string entry = fmt::format(R"({{ "Path": "{}", "Size": {}, "Last-Modified": "{}")", path, content.size(),
                                    sample.last_modified);
    if (!checksum.empty()) {
        entry += fmt::format(R"(, "Checksum-Algorithm": "{}", "Checksum": "{}")", name_of(sample.algorithm), checksum);
    }
    return entry + " }";
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
    std::string name = "/tmp/polygon-backup-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string tar_member(const TarMember& member) {
    std::string header(512, '\0');
    put(header, 0, member.name.substr(0, 100));
    put(header, 100, fmt::format("{:07o}", member.mode));
    put(header, 108, "0000000");
    put(header, 116, "0000000");
    put(header, 124, fmt::format("{:011o}", member.content.size()));
    put(header, 136, "00000000000");
    put(header, 156, std::string(1, member.type));
    put(header, 157, member.link);
    put(header, 257,
        std::string("ustar\0"
                    "00",
                    8));
    put(header, 148, "        ");
    unsigned sum = 0;
    for (const char c : header)
        sum += static_cast<unsigned char>(c);
    put(header, 148, fmt::format("{:06o}", sum) + std::string(1, '\0'));
    std::string padded = member.content;
    padded.resize((padded.size() + 511) / 512 * 512);
    return header + padded;
}

std::string tar(const std::vector<TarMember>& members) {
    std::string bytes;
    for (const TarMember& member : members)
        bytes += tar_member(member);
    return bytes + std::string(1024, '\0');
}

std::string gzip(const std::string& bytes) {
    const auto done =
        process::run_checked({.argv = {"gzip", "-c"}, .input = bytes}, system_clock(), Deadline(system_clock(), 60s));
    REQUIRE(done.has_value());
    return done->out;
}

Sample::Sample() {
    base = {{.name = "backup_label", .content = kBackupLabel},
            {.name = "pg_notify/", .type = '5', .mode = 0700},
            {.name = "PG_VERSION", .content = "15\n"},
            {.name = "base/", .type = '5', .mode = 0700},
            {.name = "base/5/", .type = '5', .mode = 0700},
            {.name = "base/5/1259", .content = std::string(8192, 'c')},
            {.name = "base/5/2600", .content = ""},
            {.name = "postgresql.conf", .content = "port = 5432\n"},
            {.name = "pg_wal/", .type = '5', .mode = 0700},
            {.name = "global/", .type = '5', .mode = 0700},
            {.name = "global/pg_control", .content = std::string("\1\2\3\4\5\6\7\0", 8) + std::string(8184, 'p')}};
    wal = {{.name = "000000010000000000000001", .content = std::string(1U << 20, 'w')},
           {.name = "archive_status/000000010000000000000001.done"}};
    seal();
}

TarMember& Sample::member(const std::string& name) {
    return *std::find_if(base.begin(), base.end(), [&](const TarMember& one) { return one.name == name; });
}

void Sample::remove(const std::string& name) {
    std::erase_if(base, [&](const TarMember& one) { return one.name == name; });
}

void Sample::become_link(const std::string& begin_at, const std::string& continues) {
    start_lsn = begin_at;
    end_lsn = begin_at.substr(0, begin_at.size() - 1) + "F";
    member("PG_VERSION").content = "17\n";
    std::string& label = member("backup_label").content;
    label = fmt::format("START WAL LOCATION: {} (file 000000010000000000000001)\nSTART TIMELINE: 1\n", begin_at);
    if (!continues.empty()) {
        label += fmt::format("INCREMENTAL FROM LSN: {}\nINCREMENTAL FROM TLI: 1\n", continues);
        member("base/5/1259").name = "base/5/INCREMENTAL.1259";
    }
    seal();
}

void Sample::add_tablespace(std::uint32_t oid, const std::string& production_path) {
    base.insert(base.begin() + 1, {.name = "tablespace_map", .content = fmt::format("{} {}\n", oid, production_path)});
    tablespaces[oid] = {{.name = "PG_15_202209061/", .type = '5'},
                        {.name = "PG_15_202209061/5/", .type = '5'},
                        {.name = "PG_15_202209061/5/16386", .content = std::string(8192, 't')}};
}

std::string Sample::unsealed_manifest() const {
    std::vector<std::string> entries;
    for (const TarMember& one : base) {
        if (one.type == '0') entries.push_back(file_entry(one.name, one.content, *this));
    }
    for (const auto& [oid, members] : tablespaces) {
        for (const TarMember& one : members) {
            if (one.type != '0') continue;
            entries.push_back(file_entry(fmt::format("pg_tblspc/{}/{}", oid, one.name), one.content, *this));
        }
    }
    return fmt::format(
        "{{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [\n{}\n],\n\"WAL-Ranges\": [\n"
        "{{ \"Timeline\": 1, \"Start-LSN\": \"{}\", \"End-LSN\": \"{}\" }}\n],\n",
        fmt::join(entries, ",\n"), start_lsn, end_lsn);
}

std::string with_checksum(const std::string& text) {
    return fmt::format("{}\"Manifest-Checksum\": \"{}\"}}\n", text, checksum_of(ChecksumAlgorithm::sha256, text));
}

void Sample::seal() {
    manifest = with_checksum(unsealed_manifest());
}

void Sample::write_tar(const fs::Path& directory) const {
    write(directory / "base.tar", tar(base));
    write(directory / "pg_wal.tar", tar(wal));
    for (const auto& [oid, members] : tablespaces)
        write(directory / fmt::format("{}.tar", oid), tar(members));
    write(directory / "backup_manifest", manifest);
}

void Sample::write_gzip(const fs::Path& directory) const {
    write(directory / "base.tar.gz", gzip(tar(base)));
    write(directory / "pg_wal.tar.gz", gzip(tar(wal)));
    for (const auto& [oid, members] : tablespaces)
        write(directory / fmt::format("{}.tar.gz", oid), gzip(tar(members)));
    write(directory / "backup_manifest", manifest);
}

void Sample::write_plain(const fs::Path& directory) const {
    for (const TarMember& one : base) {
        if (one.type == '5') std::filesystem::create_directories(directory / one.name);
        if (one.type == '0') write(directory / one.name, one.content);
    }
    for (const TarMember& one : wal)
        write(directory / "pg_wal" / one.name, one.content);
    write(directory / "backup_manifest", manifest);
}

void write(const fs::Path& path, const std::string& content) {
    std::filesystem::create_directories(path.parent_path());
    REQUIRE(fs::write_file_durably(path, content).has_value());
}

std::string read(const fs::Path& path) {
    const auto content = fs::read_file(path);
    INFO(path.string());
    REQUIRE(content.has_value());
    return *content;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

Result<Restored> restore_into(const fs::Path& directory, const fs::Path& target, TablespaceMapping tablespaces) {
    const Located located = TRY(locate_backup(directory));
    return restore({.backup = located.backup, .data_directory = target, .tablespaces = std::move(tablespaces)},
                   system_clock());
}

Result<Restored> restore_into(const fs::Path& directory, const fs::Path& target) {
    return restore_into(directory, target, {});
}

Error failure_of(const fs::Path& directory, const fs::Path& target) {
    const auto restored = restore_into(directory, target);
    REQUIRE_FALSE(restored.has_value());
    CHECK_FALSE(std::filesystem::exists(target / "global" / "pg_control"));
    return restored.error();
}

}  // namespace polygon::backup::test
