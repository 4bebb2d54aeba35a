#include "common/sanitize/verifier.h"

#include <array>
#include <cstdlib>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace polygon::sanitize {
namespace {

constexpr std::string_view kScram = "SCRAM-SHA-256$";
constexpr std::string_view kMd5 = "md5";
constexpr std::size_t kSha256Bytes = 32;

using Bytes = std::vector<unsigned char>;
using Key = std::array<unsigned char, kSha256Bytes>;

std::optional<Bytes> decode_base64(std::string_view text) {
    Bytes bytes(text.size() / 4 * 3 + 1);
    const int length = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                       static_cast<int>(text.size()));
    if (length < 0) return std::nullopt;
    std::size_t size = static_cast<std::size_t>(length);
    for (std::size_t end = text.size(); end > 0 && text[end - 1] == '='; --end)
        --size;
    bytes.resize(size);
    return bytes;
}

// StoredKey = H(HMAC(PBKDF2(password, salt, iterations), "Client Key")).
std::optional<Key> compute_stored_key(const std::string& password, const Bytes& salt, int iterations) {
    constexpr std::string_view kClientKey = "Client Key";
    Key salted;
    Key client;
    Key stored;
    unsigned int length = 0;
    if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(),
                          static_cast<int>(salt.size()), iterations, EVP_sha256(), static_cast<int>(salted.size()),
                          salted.data()) != 1 ||
        HMAC(EVP_sha256(), salted.data(), static_cast<int>(salted.size()),
             reinterpret_cast<const unsigned char*>(kClientKey.data()), kClientKey.size(), client.data(),
             &length) == nullptr ||
        EVP_Digest(client.data(), client.size(), stored.data(), &length, EVP_sha256(), nullptr) != 1) {
        return std::nullopt;
    }
    return stored;
}

bool opens_scram(std::string_view verifier, const std::string& password) {
    const std::size_t colon = verifier.find(':');
    const std::size_t dollar = verifier.find('$', colon);
    const std::size_t second = verifier.find(':', dollar);
    if (colon == std::string_view::npos || dollar == std::string_view::npos || second == std::string_view::npos)
        return false;
    const int iterations = std::atoi(std::string(verifier.substr(0, colon)).c_str());
    const auto salt = decode_base64(verifier.substr(colon + 1, dollar - colon - 1));
    const auto stored = decode_base64(verifier.substr(dollar + 1, second - dollar - 1));
    if (iterations <= 0 || !salt || !stored) return false;
    const auto computed = compute_stored_key(password, *salt, iterations);
    return computed && Bytes(computed->begin(), computed->end()) == *stored;
}

bool opens_md5(std::string_view hex, const std::string& role, const std::string& password) {
    const std::string text = password + role;
    std::array<unsigned char, 16> digest;
    unsigned int length = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_md5(), nullptr) != 1) return false;
    return fmt::format("{:02x}", fmt::join(digest, "")) == hex;
}

}  // namespace

bool opens(std::string_view verifier, const std::string& role, const Secret& password) {
    if (verifier.starts_with(kScram)) return opens_scram(verifier.substr(kScram.size()), password.reveal());
    if (verifier.starts_with(kMd5)) return opens_md5(verifier.substr(kMd5.size()), role, password.reveal());
    return false;
}

}  // namespace polygon::sanitize
