// Whether a request's head says without doubt where the request ends (RFC 9112).
//
// The HTTP library takes more than the standard does, and reads it in one of several ways: behind a proxy that reads it
// in another one, the rest of a request would be somebody else's.  Such a head is refused and its connection closed.
//
//   PUT /v1/keys/a HTTP/1.1 CR LF Host: x CR LF Content-Length: 2 CR LF CR LF
//   `-- method, target, version    `-- fields, each behind the one before
//
// The parts lie in one buffer, as the library left it.  In a good head they follow each other without a gap, so a line
// that ends in LF alone, a zero byte, a blank too many or a folded line is seen by where the next part lies.
// What the library keeps to itself, the lines of a chunked body and its trailer, cannot be checked here.
// A pure function; safe from any thread.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/http.hpp"

namespace trellis {

struct RequestHead {
  std::string_view method;  ///< It lies in the buffer, as do the fields.
  std::string_view target;  ///< As it was sent; a copy.
  std::string_view version;
  std::vector<std::pair<std::string_view, std::string_view>> fields;  ///< In the order in which they came.
  std::size_t size = 0;                                               ///< With the empty line behind it.
};

/// The refusal of a head that is not clear: 400, or 501 for a transfer coding that is not known.
std::optional<HttpResponse> refuse_unclear(const RequestHead& head);

}  // namespace trellis
