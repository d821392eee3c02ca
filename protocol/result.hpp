// Expected outcomes as values: Code, Error and Result<T>.
//
// An error tells its reader one fact above all: could the write have happened?  `Code` keeps the outcomes apart, and
// the names that go over the wire are those of docs/protocol.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace trellis {

/// How a request ended.  Order and values are internal; the wire carries names.
enum class Code : std::uint8_t {
  kOk,
  kInvalidArgument,     ///< The request is wrong: nothing was done, and sending it again will not help.
  kNotFound,            ///< An answer, not a failure: nothing is stored there.
  kAlreadyExists,       ///< if_absent did not hold; nothing was done.
  kFailedPrecondition,  ///< A condition of the request did not hold; nothing was done by this request.
  kUnavailable,         ///< Too few replicas up: nothing was done.
  kDeadlineExceeded,    ///< A write may have taken effect, or may still.  A read: no answer in time.
  kResourceExhausted,   ///< A queue or size limit: nothing was done.
  kUnauthenticated,
  kPermissionDenied,
  kUnimplemented,
  kInternal,
};

/// The name on the wire, such as "NOT_FOUND".
std::string_view name_of(Code code);
/// The code of a name on the wire, or nothing.
std::optional<Code> code_of(std::string_view name);

struct Error {
  Code code = Code::kInternal;
  std::string message;  ///< One line for people, never parsed.
};

/// A value, or the error that stands in its place.  Errors that carry other facts than a Code have a type of their own
/// (a column in people's text, say).
template <typename T, typename E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : content_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return content_.index() == 0; }
  T& operator*() & { return std::get<0>(content_); }
  const T& operator*() const& { return std::get<0>(content_); }
  T&& operator*() && { return std::get<0>(std::move(content_)); }
  T* operator->() { return &std::get<0>(content_); }
  const T* operator->() const { return &std::get<0>(content_); }
  const E& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, E> content_;
};

/// Success without a value, or an error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

inline Error invalid_argument(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

}  // namespace trellis
