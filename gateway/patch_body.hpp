// Bodies of HTTP's PATCH, each as the operations of the protocol's.
//
//   application/merge-patch+json   RFC 7396: one merge of the whole document
//   application/json-patch+json    RFC 6902: its operations, with pointers taken apart into steps
//   application/json, msgpack      the protocol's own operations, as they are
//
// What the steps of a pointer are is decided where the document is: here nothing tells a position from a key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/http.hpp"
#include "protocol/result.hpp"

namespace trellis {

enum class PatchBody : std::uint8_t { kMerge, kJsonPatch };

/// What a Content-Type of RFC 7396 or RFC 6902 says; nothing for any other.
std::optional<PatchBody> patch_body_of(std::string_view content_type);
/// 415, with what PATCH takes.
HttpResponse unknown_patch(std::string_view content_type);

/// Packed operations of a body that was read; without a kind they stand in it as they are.  Error: kInvalidArgument.
/// Members that RFC 6902 does not know are passed over.
Result<std::string> operations_of(std::optional<PatchBody> kind, std::string_view packed_body);

}  // namespace trellis
