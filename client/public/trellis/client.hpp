// Trellis' client library for C++20: this header is all of it.
//
// A command is a value: put("a", 1), get("a"), scan("user:").  A Client carries it out, in one of two ways:
//
//   blocking      Result<Answer<Value>> answer = client.call(get("person1"));
//   asynchronous  client.start(get("person1"), [](Result<Answer<Value>> answer) { ... });   // many under way
//                 client.run(100ms);                                                        // calls what is due
//
// Every call is sent again until its timeout, to the next broker too; a write takes effect once however often it is
// sent.  Errors are values, and say in `perhaps_applied` whether a write may have happened.  What the commands mean is
// in docs/protocol.md; Python's library has the same names (but `delete`, which C++ keeps for itself: remove).
//
// Threading: one thread uses a Client; only wake() may be called from others, and from signal handlers.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace trellis::client {

// Values.

/// Bytes; a std::string is text, in UTF-8.
struct Bytes {
  std::string bytes;
  bool operator==(const Bytes&) const = default;
};

class Value;
using Array = std::vector<Value>;
/// In the order in which it was stored.
using Map = std::vector<std::pair<std::string, Value>>;

/// A document, or a part of one: null, bool, integer of 64 bits, float64, text, bytes, array or map.  A float32 that
/// others stored arrives as a float64.
class Value {
 public:
  Value() = default;
  Value(std::nullptr_t) {}
  template <std::same_as<bool> T>
  Value(T value) : content_(value) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Value(T value) {
    // One number has one form: it is unsigned only where no signed one holds it.
    if (std::in_range<std::int64_t>(value)) {
      content_ = static_cast<std::int64_t>(value);
    } else {
      content_ = static_cast<std::uint64_t>(value);
    }
  }
  Value(double value) : content_(value) {}
  Value(std::string text) : content_(std::move(text)) {}
  Value(std::string_view text) : content_(std::string(text)) {}
  Value(const char* text) : content_(std::string(text)) {}
  Value(Bytes bytes) : content_(std::move(bytes)) {}
  Value(Array array);
  Value(Map map);

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(content_); }
  std::optional<bool> as_bool() const;
  std::optional<std::int64_t> as_int() const;
  std::optional<std::uint64_t> as_uint() const;
  /// The value of an integer or a float.
  std::optional<double> as_number() const;
  const std::string* as_text() const { return std::get_if<std::string>(&content_); }
  const Bytes* as_bytes() const { return std::get_if<Bytes>(&content_); }
  const Array* as_array() const { return std::get_if<Array>(&content_); }
  const Map* as_map() const { return std::get_if<Map>(&content_); }
  bool is_float() const { return std::holds_alternative<double>(content_); }
  /// What a map has under this key; null where it is no map or has no such key.
  const Value* find(std::string_view key) const;

  bool operator==(const Value&) const;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Bytes, Array, Map> content_;
};

// Errors.

enum class Code : std::uint8_t {
  kInvalidArgument,     ///< The command is wrong; sending it again will not help.
  kNotFound,            ///< An answer rather than a failure: nothing is stored there.
  kAlreadyExists,       ///< if_absent did not hold.
  kFailedPrecondition,  ///< if_version did not hold, or an operation of a PATCH.
  kExactlyOnce,         ///< The cluster knows the write and cannot tell its first answer again: Error::exactly_once.
  kUnavailable,         ///< Too few replicas, or no broker: nothing was done.
  kDeadlineExceeded,    ///< No answer in time, however often it was asked for.
  kResourceExhausted,   ///< A queue or size limit: nothing was done.
  kUnauthenticated,
  kPermissionDenied,
  kUnimplemented,
  kNotGuaranteed,  ///< No majority could confirm the answer; Settings::accept_unguaranteed takes it all the same.
  kInternal,       ///< A fault of the software, or a status that this version does not know.
};

struct Error {
  Code code = Code::kInternal;
  std::string message;           ///< One line for people; programs go by the code.
  bool perhaps_applied = false;  ///< The write has perhaps taken effect, or may still.  False: nothing was done.
  std::string exactly_once;      ///< "unknown", "applied" or "other_request", with kExactlyOnce.
};

/// A value, or the error that stands in its place.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return content_.index() == 0; }
  T& operator*() & { return std::get<0>(content_); }
  const T& operator*() const& { return std::get<0>(content_); }
  T&& operator*() && { return std::get<0>(std::move(content_)); }
  T* operator->() { return &std::get<0>(content_); }
  const T* operator->() const { return &std::get<0>(content_); }
  const Error& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, Error> content_;
};

/// A result, and what was told with it.
template <typename T>
struct Answer {
  T result;
  std::optional<std::uint64_t> version;  ///< The version of the document that was read or written, for if_version.
  bool guaranteed = true;                ///< False: no majority could confirm it.
  bool more = false;                     ///< A listing goes on, behind the key `after`.
  std::string after;
  std::vector<std::string> warnings;
  std::vector<std::uint32_t> missing_partitions;
  bool filtered = false;                         ///< Listings: only what the user may read of what was asked for.
  std::optional<std::chrono::milliseconds> ttl;  ///< GET and HAS: what is left, where the document expires.
};

// Commands.

/// Options that do not belong to a command are refused: kInvalidArgument.
struct Options {
  std::optional<std::chrono::milliseconds> timeout{};  ///< 1 ms to 10 min; the client's own where it is not given.
  bool stale = false;                                  ///< Reads: from any replica, perhaps not the newest.
  bool if_absent = false;
  bool if_present = false;
  std::optional<std::uint64_t> if_version{};
  std::optional<std::chrono::milliseconds> ttl{};  ///< PUT, SET and PATCH: the document goes after so long.
  /// Writes: a session of the caller's own.  Without it the client's is taken, which is what sends it again safely.
  std::optional<std::string> session{};
  std::uint64_t seq = 0;
  std::optional<std::uint64_t> floor{};
  // PATCH.
  bool strict = false;           ///< Nothing is made on the way, and what is missing is an error.
  bool return_document = false;  ///< The result is the document in place of the operations' results.
  bool pointer = false;          ///< The operations mean what RFC 6902 says.
  // Listings.
  std::optional<std::string> at_least{};
  std::optional<std::string> below{};
  std::optional<std::string> match{};
  bool reverse = false;
  bool load = false;  ///< MEMBERS.
  /// The name of the user for whom it is asked, by one with the right to speak for others.
  std::optional<std::string> as{};
};

/// A command whose answer holds a T.  Made by the functions below.
template <typename T>
struct Request {
  std::string command;
  Array arguments;
  Options options;
  /// Reads the result; nothing where it is something else.  `accept_unguaranteed` is the client's setting.
  std::function<std::optional<T>(Value result, bool accept_unguaranteed)> read;
};

/// A command of a BATCH: any Request on one key.
struct Item {
  template <typename T>
  Item(Request<T> request)
      : command(std::move(request.command)),
        arguments(std::move(request.arguments)),
        options(std::move(request.options)) {}

  std::string command;
  Array arguments;
  Options options;
};

using Keys = std::vector<std::string>;
using Records = std::vector<std::pair<std::string, Value>>;
using Outcomes = std::vector<Result<Answer<Value>>>;

Request<bool> put(std::string_view key, Value document, Options options = {});  ///< True where the key is new.
Request<bool> set(std::string_view key, Value document, Options options = {});
Request<Value> get(std::string_view key, Options options = {});
Request<bool> has(std::string_view key, Options options = {});
Request<bool> remove(std::string_view key, Options options = {});  ///< DELETE: true where it was there.
Request<Value> pop(std::string_view key, Options options = {});
/// Changes one document in place, all operations or none: each is [op, path, value]. The result has one of each.
Request<Value> patch(std::string_view key, Array operations, Options options = {});
/// Has a document go after so long, or stay for good: true where it is there.
Request<bool> expire(std::string_view key, std::optional<std::chrono::milliseconds> ttl, Options options = {});
/// What a document has left; nothing: it stays for good.
Request<std::optional<std::chrono::milliseconds>> ttl(std::string_view key, Options options = {});
Request<Value> query(std::string_view key, Array steps, Options options = {});
Request<double> compute(std::string_view expression, std::map<std::string, Array> variables = {}, Options options = {});
Request<Keys> keys(std::string_view prefix = {}, std::uint64_t limit = 1000, std::string_view after = {},
                   Options options = {});
Request<Records> scan(std::string_view prefix = {}, std::uint64_t limit = 1000, std::string_view after = {},
                      Options options = {});
Request<std::uint64_t> count(std::string_view prefix = {}, Options options = {});
/// Each item has its answer, or its error as a value, in the order asked.
Request<Outcomes> batch(std::vector<Item> items, Options options = {});
Request<Value> members(Options options = {});
Request<Value> locate(std::string_view key, Options options = {});
Request<Value> status(Options options = {});
Request<std::string> ping(Options options = {});
/// Any command, by its name.
Request<Value> command(std::string name, Array arguments, Options options = {});

// The client.

struct Settings {
  std::chrono::milliseconds timeout{5000};  ///< For calls that bring none of their own.
  bool accept_unguaranteed = false;         ///< Give answers where kNotGuaranteed would be the error.
  /// The file of the user's key whom the cluster is to know, as `trellis user add` makes it; empty: TRELLIS_USER names
  /// it, or ~/.config/trellis/user is it, where there is one; "none": no key.  Where it cannot be read, calls end with
  /// kUnauthenticated.
  std::string user{};
};

class Client {
 public:
  /// Connects in the background.
  /// @param brokers  frontends as host:port or tcp://host:port; the first that answers is used, at least one
  explicit Client(std::vector<std::string> brokers = {"127.0.0.1:7400"}, Settings settings = {});
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// Carries a command out and waits for its answer.  Answers of other calls are delivered meanwhile.
  template <typename T>
  Result<Answer<T>> call(const Request<T>& request) {
    std::optional<Result<Answer<T>>> answer;
    start(request, [&answer](Result<Answer<T>> given) { answer = std::move(given); });
    while (!answer) run(std::chrono::milliseconds(1000));
    return std::move(*answer);
  }

  /// Begins a call; `on_answer` is called once, from inside run().  Returns the call's id.
  template <typename T>
  std::uint64_t start(const Request<T>& request,
                      std::type_identity_t<std::function<void(Result<Answer<T>>)>> on_answer) {
    return start_value(
        request.command, request.arguments, request.options,
        [on_answer = std::move(on_answer), read = request.read,
         accept = settings_.accept_unguaranteed](Result<Answer<Value>> raw) {
          if (!raw) return on_answer(raw.error());
          std::optional<T> result = read(std::move(raw->result), accept);
          if (!result) return on_answer(Error{Code::kInternal, "the reply has another form", true, {}});
          on_answer(Answer<T>{std::move(*result), raw->version, raw->guaranteed, raw->more, std::move(raw->after),
                              std::move(raw->warnings), std::move(raw->missing_partitions), raw->filtered, raw->ttl});
        });
  }
  /// Drops a call: its `on_answer` is never called.  A write may take effect all the same.
  void forget(std::uint64_t id);
  /// Handles what has arrived and what is due; where there is nothing yet, waits up to `wait` for it.
  void run(std::chrono::milliseconds wait);
  /// Ends the wait of run(), now or the next one.
  void wake();
  std::size_t under_way() const;

 private:
  std::uint64_t start_value(const std::string& command, const Array& arguments, const Options& options,
                            std::function<void(Result<Answer<Value>>)> on_answer);

  class Calls;
  std::unique_ptr<Calls> calls_;
  Settings settings_;
};

}  // namespace trellis::client
