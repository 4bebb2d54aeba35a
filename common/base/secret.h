// A password: prints as ***, and is only given out by name.
#pragma once

#include <string>

#include <fmt/format.h>

namespace polygon {

class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}

    // The plain text. Never pass it to a log, an argv or an error.
    const std::string& reveal() const { return value_; }
    bool is_empty() const { return value_.empty(); }
    bool operator==(const Secret&) const = default;

  private:
    std::string value_;
};

}  // namespace polygon

template <>
struct fmt::formatter<polygon::Secret> : fmt::formatter<fmt::string_view> {
    template <class Context>
    auto format(const polygon::Secret&, Context& context) const {
        return fmt::formatter<fmt::string_view>::format("***", context);
    }
};
