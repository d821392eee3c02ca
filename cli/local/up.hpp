// `trellis up` and `trellis down`: a cluster on this machine, from one command.
//
// What `up` started it ends, unless it is told to detach, and starts again where it has ended by itself; workers that
// were started by hand are used as they are and left alone.  Everything that is told goes to standard error: standard
// output is for answers.
#pragma once

#include <optional>
#include <string>

#include "client/statement/statement.hpp"
#include "program/signals.hpp"
#include "protocol/endpoint.hpp"

namespace trellis {

struct UpOptions {
  std::optional<std::string> server_file;
  std::optional<std::size_t> workers;    ///< So many on this machine; more than there are: the others join.
  std::optional<std::string> data_file;  ///< Loaded once in the life of the cluster.
  std::optional<std::uint32_t> k;
  std::optional<std::uint32_t> partitions;
  std::string folder = "./trellis-data";
  bool detach = false;
  Endpoint frontend{"127.0.0.1", 7400};
  Endpoint backend{"127.0.0.1", 7401};
  Endpoint listen{"127.0.0.1", 7480};  ///< The HTTP gateway's.
  bool listen_chosen = false;          ///< Else `up` does without a gateway where the port is taken.
  std::optional<Endpoint> metrics;     ///< The broker's; the workers' have the ports that follow.
  bool secure = false;                 ///< Makes keys, where the folder has none.
  bool insecure = false;               ///< What is started may listen where others reach it without keys.
  std::string user_file;               ///< What -u names, for keys that the environment names.
  StatementDefaults defaults;          ///< What the shell's statements do without options.
  bool pager = true;                   ///< The shell pages what does not fit.
};

/// @return the exit code
int up(const UpOptions& options, const StopSignal& stop);

/// Ends what `up` started with the data folder.
int down(const std::string& folder);

}  // namespace trellis
