// Every route of the gateway, in one table: those of the commands, which protocol/command_table.hpp tells, and the
// gateway's own.  Requests are matched by it and /openapi.json is written from it, so what is described is what is
// served.
//
// A pattern's {key} is one segment of the path, {path} all that are left (perhaps none).  HEAD is served wherever GET
// is.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http.hpp"
#include "protocol/command.hpp"

namespace trellis {

/// Who answers.
enum class Service : std::uint8_t {
  kCluster,     ///< The cluster, by the route's command.
  kPartitions,  ///< The cluster, by one LOCATE a partition.
  kConsole,     ///< The cluster, by what a line of the shell says.
  kLive,        ///< The rest: the gateway itself.
  kReady,
  kMetrics,
  kOpenApi,
  kRecent,
  kPage,
};

/// What a request's body holds.
enum class BodyKind : std::uint8_t { kNone, kDocument, kCompute, kBatch, kConsole, kChanges, kSettings, kRecovery };

struct Route {
  Method method;
  std::string_view pattern;
  Service service;
  Command command;  ///< Where the service is kCluster.
  BodyKind body;
  std::string_view summary;
  std::string_view result;  ///< JSON schema of the result, as text.
};

std::span<const Route> routes();

/// A row of the parameters that may stand in a route's query.
struct Parameter {
  std::string_view name;
  std::string_view schema;  ///< JSON schema, as text.
  std::string_view description;
};
std::vector<Parameter> parameters_of(const Route& route);

/// The command knows If-Match and If-None-Match.
bool is_conditional(const Route& route);
/// The command knows Idempotency-Key.
bool is_exactly_once(const Route& route);
/// Whether it stores a document, which may go after a while.
bool takes_lifetime(const Route& route);
bool is_listing(const Route& route);

struct Match {
  const Route* route = nullptr;     ///< Null: nothing there for this method.
  std::vector<std::string> values;  ///< What stands for {key}, and then for {path}.
  std::vector<Method> allowed;      ///< What the path takes; empty where nothing is there at all.
};
Match match(Method method, const Target& target);

}  // namespace trellis
