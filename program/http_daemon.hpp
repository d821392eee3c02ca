// The HTTP library's server, as all our programs start it: one thread of its own on epoll, no signals, no output.
//
// A stalled peer costs one connection of those that are allowed, and never the thread.
#pragma once

#include <microhttpd.h>

#include <vector>

#include "protocol/endpoint.hpp"

namespace trellis {

/// Listens at `endpoint` and serves.  The caller stops the daemon with MHD_stop_daemon, which closes the socket too.
/// @param handler  called on the daemon's thread, with `self`
/// @param options  the library's, without MHD_OPTION_END
/// @param is_encrypted  by TLS, with what the options say of it
/// Error: it cannot listen there, or has no memory or descriptors.
Result<MHD_Daemon*> start_http_daemon(const Endpoint& endpoint, MHD_AccessHandlerCallback handler, void* self,
                                      std::vector<MHD_OptionItem> options, bool is_encrypted = false);

/// An option whose value is a number.
MHD_OptionItem http_option(MHD_OPTION option, std::size_t value);
/// An option whose value is a pointer.
inline MHD_OptionItem http_option(MHD_OPTION option, void* value) { return {option, 0, value}; }
/// An option whose value is a function and what it is handed first.
template <typename Function>
MHD_OptionItem http_option(MHD_OPTION option, Function* function, void* self) {
  return {option, reinterpret_cast<std::intptr_t>(function), self};
}

}  // namespace trellis
