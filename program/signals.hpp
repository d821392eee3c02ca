// SIGTERM and SIGINT as something a poll loop can watch, so that a program ends cleanly and with exit code 0.
//
//   StopSignal stop;                       // at the beginning of main, before threads and sockets
//   poller.add(stop.fd());
//   while (!stop.requested()) { poller.wait(...); ... }
//
// One at a time in a process.  A second signal changes nothing; SIGKILL is there for a program that hangs.
#pragma once

namespace trellis {

class StopSignal {
 public:
  /// Takes over SIGTERM and SIGINT.
  StopSignal();
  /// Gives both back to whoever had them.
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// Becomes readable when the program is to stop, and stays so.  Not to be read or closed.
  int fd() const;
  bool requested() const;
  /// As if a signal had come.  Safe from any thread.
  void request();
};

}  // namespace trellis
