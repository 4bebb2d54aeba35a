// Base64 as RFC 4648 has it (with padding): how etcd's JSON gateway carries keys and values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace polygon::etcd {

std::string base64_encode(std::string_view bytes);

// Nothing if `text` is not base64.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace polygon::etcd
