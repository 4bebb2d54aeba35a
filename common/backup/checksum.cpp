#include "common/backup/checksum.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <isa-l/crc.h>
#include <openssl/evp.h>

namespace polygon::backup {
namespace {

struct Row {
    ChecksumAlgorithm algorithm;
    std::string_view name;
    std::size_t hex_digits;
};

constexpr std::array kTable = {
    Row{ChecksumAlgorithm::none, "NONE", 0},      Row{ChecksumAlgorithm::crc32c, "CRC32C", 8},
    Row{ChecksumAlgorithm::sha224, "SHA224", 56}, Row{ChecksumAlgorithm::sha256, "SHA256", 64},
    Row{ChecksumAlgorithm::sha384, "SHA384", 96}, Row{ChecksumAlgorithm::sha512, "SHA512", 128},
};

const EVP_MD* digest_of(ChecksumAlgorithm algorithm) {
    switch (algorithm) {
        case ChecksumAlgorithm::sha224:
            return EVP_sha224();
        case ChecksumAlgorithm::sha256:
            return EVP_sha256();
        case ChecksumAlgorithm::sha384:
            return EVP_sha384();
        case ChecksumAlgorithm::sha512:
            return EVP_sha512();
        case ChecksumAlgorithm::none:
        case ChecksumAlgorithm::crc32c:
            break;
    }
    return nullptr;
}

bool equal_in_any_case(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](unsigned char a, unsigned char b) { return std::toupper(a) == std::toupper(b); });
}

std::string to_hex(std::span<const unsigned char> bytes) {
    return fmt::format("{:02x}", fmt::join(bytes, ""));
}

}  // namespace

std::optional<ChecksumAlgorithm> parse_checksum_algorithm(std::string_view name) {
    for (const Row& row : kTable) {
        if (equal_in_any_case(row.name, name)) return row.algorithm;
    }
    return std::nullopt;
}

std::string_view name_of(ChecksumAlgorithm algorithm) {
    for (const Row& row : kTable) {
        if (row.algorithm == algorithm) return row.name;
    }
    return "NONE";
}

std::size_t hex_length(ChecksumAlgorithm algorithm) {
    return std::find_if(kTable.begin(), kTable.end(), [&](const Row& row) { return row.algorithm == algorithm; })
        ->hex_digits;
}

void Checksum::FreeContext::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

Checksum::Checksum(ChecksumAlgorithm algorithm) : algorithm_(algorithm) {
    if (const EVP_MD* digest = digest_of(algorithm)) {
        sha_.reset(EVP_MD_CTX_new());
        EVP_DigestInit_ex(sha_.get(), digest, nullptr);
    }
}

void Checksum::update(std::span<const std::byte> bytes) {
    if (sha_) EVP_DigestUpdate(sha_.get(), bytes.data(), bytes.size());
    if (algorithm_ != ChecksumAlgorithm::crc32c) return;
    constexpr std::size_t kMost = 1U << 30;  // crc32_iscsi takes an int
    while (!bytes.empty()) {
        const auto part = bytes.first(std::min(bytes.size(), kMost));
        // It only reads, but is declared without const.
        auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(part.data()));
        crc_ = crc32_iscsi(data, static_cast<int>(part.size()), crc_);
        bytes = bytes.subspan(part.size());
    }
}

std::string Checksum::finish() {
    if (sha_) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> value;
        unsigned length = 0;
        EVP_DigestFinal_ex(sha_.get(), value.data(), &length);
        return to_hex(std::span(value).first(length));
    }
    if (algorithm_ == ChecksumAlgorithm::none) return {};
    // The manifest holds the value's bytes as a little-endian machine has them (checksum_helper.c copies the memory).
    std::array<unsigned char, 4> value;
    for (std::size_t i = 0; i < value.size(); ++i)
        value[i] = static_cast<unsigned char>(~crc_ >> (8 * i));
    return to_hex(value);
}

std::string checksum_of(ChecksumAlgorithm algorithm, std::string_view bytes) {
    Checksum checksum(algorithm);
    checksum.update(std::as_bytes(std::span(bytes)));
    return checksum.finish();
}

}  // namespace polygon::backup
