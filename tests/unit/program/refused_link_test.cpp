#include "program/refused_link.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

struct Link {
  explicit Link(zmq::context_t& context)
      : socket(context, zmq::socket_type::dealer), refused(context, socket, "tcp://127.0.0.1:1") {
    socket.set(zmq::sockopt::linger, 0);
    socket.connect("tcp://127.0.0.1:1");
  }
  zmq::socket_t socket;
  RefusedLink refused;
};

/// As where a worker's disk is lost, and another worker comes to its address.
TEST(RefusedLink, ALinkToAnAddressFollowsTheOneBefore) {
  zmq::context_t context;
  for (int i = 0; i < 20; ++i) Link link(context);
}

TEST(RefusedLink, ThereMayBeTwoToTheSameAddress) {
  zmq::context_t context;
  Link first(context);
  Link second(context);
}

}  // namespace
}  // namespace trellis
