// A loop's sleep: nothing that has come is slept over, whoever took in the word of it.
#include "program/poller.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

namespace trellis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Two sockets that are connected; one of them is polled.
struct Pair {
  Pair() {
    near.bind("inproc://pair");
    far.connect("inproc://pair");
    number = poller.add(near);
  }
  void say(int messages) {
    for (int i = 0; i < messages; ++i) {
      while (zmq_send(far.handle(), "word", 4, 0) < 0) ASSERT_EQ(zmq_errno(), EINTR);
    }
  }
  /// How many came after a wait of at most so long.
  int receive(milliseconds most = milliseconds(5'000), int messages = 1'000) {
    poller.wait(most);
    int received = 0;
    poller.receive_all(number, messages, [&received](const Frames&) { ++received; });
    return received;
  }

  zmq::context_t context;
  zmq::socket_t near{context, zmq::socket_type::dealer};
  zmq::socket_t far{context, zmq::socket_type::dealer};
  Poller poller;
  Poller::Number number = 0;
};

TEST(Poller, WakesWhenAMessageComes) {
  Pair pair;
  EXPECT_EQ(pair.receive(milliseconds(1)), 0);
  for (int i = 0; i < 3; ++i) {
    pair.say(1);
    EXPECT_EQ(pair.receive(), 1);
  }
}

TEST(Poller, WhatIsLeftComesAfterTheNextWait) {
  Pair pair;
  pair.say(5);
  EXPECT_EQ(pair.receive(milliseconds(5'000), 2), 2);
  EXPECT_EQ(pair.receive(milliseconds(5'000), 2), 2);
  EXPECT_EQ(pair.receive(milliseconds(5'000), 2), 1);
  EXPECT_EQ(pair.receive(milliseconds(1), 2), 0);
}

/// ZeroMQ looks for such word at some sends only: those that come a while after the last.
TEST(Poller, AMessageWhoseWordASendTookInIsNotSleptOver) {
  Pair pair;
  pair.receive(milliseconds(1));
  pair.say(1);
  pollfd readable{pair.near.get(zmq::sockopt::fd), POLLIN, 0};
  const auto give_up = steady_clock::now() + milliseconds(5'000);
  do {
    pair.near.send(zmq::str_buffer("answer"), zmq::send_flags::dontwait);
    ASSERT_GE(::poll(&readable, 1, 0), 0);
  } while (readable.revents != 0 && steady_clock::now() < give_up);
  ASSERT_EQ(readable.revents, 0) << "no send took it in";
  pair.poller.look_at(pair.number);
  EXPECT_EQ(pair.receive(), 1);
}

TEST(Poller, WakesForADescriptorUntilItIsRemoved) {
  Pair pair;
  const int descriptor = eventfd(1, EFD_NONBLOCK);
  ASSERT_GE(descriptor, 0);
  pair.poller.add(descriptor);
  const auto begun = steady_clock::now();
  EXPECT_EQ(pair.receive(milliseconds(60'000)), 0);
  EXPECT_LT(steady_clock::now() - begun, milliseconds(30'000));
  pair.poller.remove(descriptor);
  EXPECT_EQ(pair.receive(milliseconds(20)), 0);
  EXPECT_GE(steady_clock::now() - begun, milliseconds(20)) << "it slept";
  close(descriptor);
}

TEST(Poller, SignalsInterruptNothingButItsSleep) {
  struct sigaction ignore {};
  ignore.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGUSR1, &ignore, &before), 0);
  Pair pair;
  std::atomic<bool> is_over = false;
  std::thread signals([&is_over, looping = pthread_self()] {
    while (!is_over) pthread_kill(looping, SIGUSR1);
  });
  int received = 0;
  for (int i = 0; i < 20'000; ++i) {
    pair.say(1);
    pair.poller.look_at(pair.number);
    received += pair.receive(milliseconds(0));
  }
  is_over = true;
  signals.join();
  while (received < 20'000) {
    const int more = pair.receive();
    ASSERT_GT(more, 0);
    received += more;
  }
  EXPECT_EQ(received, 20'000);
  ASSERT_EQ(sigaction(SIGUSR1, &before, nullptr), 0);
}

TEST(Poller, ASocketThatWasRemovedIsNotReceivedFrom) {
  Pair pair;
  pair.poller.remove(pair.number);
  pair.say(1);
  EXPECT_EQ(pair.receive(milliseconds(1)), 0);
}

}  // namespace
}  // namespace trellis
