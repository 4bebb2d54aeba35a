#include "tests/fuzz/tar_members.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/backup/checksum.h"
#include "common/backup/input/tar_reader.h"

namespace polygon::backup::fuzz {
namespace {

constexpr std::size_t kTarBlock = 512;
constexpr std::size_t kChecksumField = 148;
constexpr std::size_t kMagicField = 257;

void require_safe(const Member& member) {
    const std::string& path = member.path;
    const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    require(std::none_of(path.begin(), path.end(), is_control), "a name has a control character");
    require(!path.empty() || member.type == Member::Type::directory, "what is no directory has no name");
    std::string_view rest = path;
    while (!rest.empty()) {
        const std::string_view component = rest.substr(0, rest.find('/'));
        require(!component.empty() && component != "." && component != "..", "an unsafe name: " + path);
        rest.remove_prefix(std::min(component.size() + 1, rest.size()));
    }
    require(!path.ends_with('/'), "a name ends in a slash");
}

// The size and the checksum of the content are noted in `seen` whether or not there is an error.
Status read_content(MemberReader& reader, SeenMember& seen) {
    Checksum checksum(ChecksumAlgorithm::crc32c);
    Status status;
    while (true) {
        const auto block = reader.read();
        if (!block) status = block.error();
        if (!block || block->is_empty()) break;
        checksum.update(block->bytes);
        seen.size_bytes += block->bytes.size();
    }
    seen.checksum = checksum.finish();
    return status;
}

Status read_members(MemberReader& reader, SeenArchive& archive) {
    while (const auto member = TRY(reader.next())) {
        require_safe(*member);
        archive.members.push_back({.path = member->path, .type = member->type});
        if (member->type != Member::Type::file) continue;
        SeenMember& seen = archive.members.back();
        TRY(read_content(reader, seen));
        require(seen.size_bytes == member->size_bytes, "a file is not as long as announced: " + member->path);
        require(TRY(reader.read()).is_empty(), "something follows the end of a file: " + member->path);
    }
    return {};
}

bool looks_like_header(std::string_view block) {
    return block.substr(kMagicField).starts_with("ustar");
}

void seal_header(std::span<char> header) {
    std::fill_n(header.begin() + kChecksumField, 8, ' ');
    unsigned sum = 0;
    for (const char c : header)
        sum += static_cast<unsigned char>(c);
    const std::string field = fmt::format("{:06o}", sum) + '\0';
    std::copy(field.begin(), field.end(), header.begin() + kChecksumField);
}

}  // namespace

std::unique_ptr<MemberReader> open_tar(std::string_view bytes, Cut cut) {
    auto reader = TarReader::over(std::make_unique<CutSource>(bytes, cut), "/b/base.tar");
    if (reader) return std::move(*reader);
    require_refusal_of_backup(reader.error());
    return nullptr;
}

SeenArchive read_tar(std::string_view bytes, Cut cut) {
    SeenArchive archive;
    const auto reader = open_tar(bytes, cut);
    if (!reader) return archive;
    const Status status = read_members(*reader, archive);
    std::uint64_t content_bytes = 0;
    for (const SeenMember& member : archive.members)
        content_bytes += member.size_bytes;
    require(content_bytes <= bytes.size(), "more comes out than is in the archive");
    if (status) archive.verdict = Verdict::accepted;
    if (!status) require_refusal_of_backup(status.error());
    return archive;
}

std::string with_header_checksums(std::string_view bytes) {
    std::string sealed(bytes);
    for (std::size_t at = 0; at + kTarBlock <= sealed.size(); at += kTarBlock) {
        const auto block = std::span(sealed).subspan(at, kTarBlock);
        if (looks_like_header({block.data(), block.size()})) seal_header(block);
    }
    return sealed;
}

}  // namespace polygon::backup::fuzz
