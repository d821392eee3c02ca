#include "program/http_daemon.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdarg>

#include "program/listen.hpp"

namespace trellis {
namespace {

/// The library's messages are about peers and would fill the log at their pleasure.
void say_nothing(void*, const char*, va_list) {}

}  // namespace

MHD_OptionItem http_option(MHD_OPTION option, std::size_t value) {
  return {option, static_cast<std::intptr_t>(value), nullptr};
}

Result<MHD_Daemon*> start_http_daemon(const Endpoint& endpoint, MHD_AccessHandlerCallback handler, void* self,
                                      std::vector<MHD_OptionItem> options, bool is_encrypted) {
  auto fd = listen_at(endpoint);
  if (!fd) return fd.error();
  options.push_back(http_option(MHD_OPTION_LISTEN_SOCKET, static_cast<std::size_t>(*fd)));
  options.push_back({MHD_OPTION_END, 0, nullptr});
  // Signals are for the thread of main().
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // The logger comes first: what the library says about later options goes through it.
  const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                         (is_encrypted ? static_cast<unsigned>(MHD_USE_TLS) : 0);
  MHD_Daemon* daemon = MHD_start_daemon(flags, 0, nullptr, nullptr, handler, self, MHD_OPTION_EXTERNAL_LOGGER,
                                        &say_nothing, nullptr, MHD_OPTION_ARRAY, options.data(), MHD_OPTION_END);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (daemon != nullptr) return daemon;
  close(*fd);
  return Error{Code::kInternal, "cannot start the HTTP library: too few file descriptors or no memory"};
}

}  // namespace trellis
