#include "broker/envelope.hpp"

#include <algorithm>

namespace trellis {

ClientMessage split_message(Frames& frames) {
  ClientMessage message;
  if (frames.empty()) {
    message.problem = "the message has no frames";
    return message;
  }
  message.routing_id = std::move(frames[0]);
  if (frames.size() == 2 && !frames[1].empty()) {  // The usual case: a DEALER without an envelope.
    message.request = std::move(frames[1]);
    return message;
  }
  const auto first = frames.begin() + 1;
  const auto empty = std::find_if(first, frames.end(), [](const Frame& frame) { return frame.empty(); });
  if (empty == frames.end()) {
    message.problem = frames.size() == 1
                          ? "the message has no frames"
                          : "a message of several frames needs an empty one between envelope and request";
    return message;
  }
  const auto rest = empty + 1;
  message.envelope.assign(std::make_move_iterator(first), std::make_move_iterator(rest));
  if (frames.end() - rest != 1) {
    message.problem = rest == frames.end() ? "no request behind the envelope" : "one request is one frame";
    return message;
  }
  message.request = std::move(*rest);
  return message;
}

}  // namespace trellis
