// A value or an Error, with std::expected's member names (C++20 has no std::expected).
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "common/base/error.h"

namespace polygon {

template <class T>
class [[nodiscard]] Result {
  public:
    using value_type = T;

    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }

    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    Error& error() & { return std::get<1>(state_); }
    const Error& error() const& { return std::get<1>(state_); }
    Error&& error() && { return std::get<1>(std::move(state_)); }

    T value_or(T otherwise) const& { return has_value() ? value() : std::move(otherwise); }

  private:
    std::variant<T, Error> state_;
};

// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
  public:
    using value_type = void;

    Result() = default;
    Result(Error error) : state_(std::move(error)) {}

    bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }

    Error& error() & { return std::get<1>(state_); }
    const Error& error() const& { return std::get<1>(state_); }
    Error&& error() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<std::monostate, Error> state_;
};

using Status = Result<void>;

// A failed result's error gets what was being done before its message; a success passes through.
template <class T>
Result<T> in_context(Result<T> result, std::string_view context) {
    if (!result) result.error() = in_context(std::move(result).error(), context);
    return result;
}

namespace detail {
inline void take(Result<void>&&) {}
template <class T>
T take(Result<T>&& result) {
    return std::move(result).value();
}
}  // namespace detail

}  // namespace polygon

// The value of a Result or Status, or return its error from the enclosing function. A statement expression of GNU C++,
// which gcc and clang share; the counter lets one TRY stand inside another. Not behind another member of a braced
// initializer: when it returns, both compilers leak the members that were already made.
#define TRY(expression) POLYGON_TRY_AS(expression, __COUNTER__)
#define POLYGON_TRY_AS(expression, number) POLYGON_TRY_PASTE(expression, number)
#define POLYGON_TRY_PASTE(expression, number) POLYGON_TRY_NAMED(expression, try_result_##number)
#define POLYGON_TRY_NAMED(expression, name)                    \
    __extension__({                                            \
        auto name = (expression);                              \
        if (!name.has_value()) return std::move(name).error(); \
        ::polygon::detail::take(std::move(name));              \
    })
