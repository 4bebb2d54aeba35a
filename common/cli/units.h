// Amounts as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace polygon::cli {

// "512 B", "1.5 MiB", "310 GiB": three digits at most.
std::string human_bytes(std::uint64_t bytes);

// "0:05", "12:30", "1:02:07".
std::string human_duration(std::chrono::seconds duration);

}  // namespace polygon::cli
