#include "common/base/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace polygon {
namespace {

struct Character {
    std::size_t size = 0;  // bytes; 0: no character begins here
    char32_t code = 0;
};

constexpr std::array<char32_t, 5> kSmallestOfSize = {0, 0, 0x80, 0x800, 0x10000};

std::size_t size_by_first(unsigned char first) {
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first < 0xe0) return 2;
    if (first >= 0xe0 && first < 0xf0) return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

// Strictly as RFC 3629 has it: no overlong forms, no surrogates.
Character first_character(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t size = size_by_first(first);
    if (size == 0 || size > text.size()) return {};
    char32_t code = size == 1 ? first : first & (0x7fU >> size);
    for (const char c : text.substr(1, size - 1)) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xc0) != 0x80) return {};
        code = code << 6 | (byte & 0x3fU);
    }
    const bool is_surrogate = code >= 0xd800 && code < 0xe000;
    if (code < kSmallestOfSize[size] || is_surrogate || code > 0x10ffff) return {};
    return {.size = size, .code = code};
}

// C0, DEL, C1; line and paragraph separators; what turns or isolates a direction (Unicode, UAX #9), as in "Trojan
// Source".
bool is_harmful(char32_t code) {
    const bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const bool is_separator = code == 0x2028 || code == 0x2029;
    const bool is_direction = code == 0x61c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
                              (code >= 0x2066 && code <= 0x2069);
    return is_control || is_separator || is_direction;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string readable;
    readable.reserve(text.size());
    while (!text.empty()) {
        const Character character = first_character(text);
        const std::string_view bytes = text.substr(0, std::max<std::size_t>(character.size, 1));
        if (character.size > 0 && !is_harmful(character.code)) {
            readable += bytes;
        } else {
            for (const char c : bytes)
                readable += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
        text.remove_prefix(bytes.size());
    }
    return readable;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t size = first_character(text).size;
        if (size == 0) return false;
        text.remove_prefix(size);
    }
    return true;
}

}  // namespace polygon
