// Values of the installed library, and what travels.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/public/trellis/client.hpp"
#include "protocol/options.hpp"

namespace trellis::client {

void pack(std::string& out, const Value& value);
void pack(std::string& out, const Array& array);
/// One whole value; nothing where the bytes are something else.
std::optional<Value> unpack(std::string_view packed);

/// Views point into `options`.
trellis::Options to_protocol(const Options& options, std::chrono::milliseconds timeout);

}  // namespace trellis::client
