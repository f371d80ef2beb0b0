#include "runtime/comm/rendezvous.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/comm/store_protocol.h"
#include "tests/support/temporary_folder.h"

namespace muster::comm {
namespace {

constexpr const char* kKey = "0123456789abcdef0123456789abcdef";

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

/// A socket that listens on a free port.
base::Descriptor listener(int& port) {
  base::Descriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(socket.get(), 1024), 0);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return socket;
}

base::Descriptor stranger(int port) {
  base::Descriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
  const sockaddr_in address = loopback(port);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const timeval limit{.tv_sec = 3};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return socket;
}

/// All that the other end says until it closes (or three seconds pass, which fails the test).
std::string heard(const base::Descriptor& socket) {
  std::string said;
  char buffer[256];
  ssize_t count;
  while ((count = ::recv(socket.get(), buffer, sizeof buffer, 0)) > 0)
    said.append(buffer, static_cast<std::size_t>(count));
  EXPECT_TRUE(count == 0 || errno == ECONNRESET) << "the connection was not closed";
  return said;
}

struct Host {
  int port = 0;
  std::shared_ptr<Store> store;
  Host() {
    base::Descriptor socket = listener(port);
    store = join_rendezvous(
        {.address = "127.0.0.1", .port = port, .key = kKey, .timeout_s = 5, .listening_fd = socket.release()});
  }
  std::shared_ptr<Store> join(std::string key = kKey, double timeout_s = 5) {
    return join_rendezvous(
        {.address = "127.0.0.1", .port = port, .key = std::move(key), .rank = 1, .timeout_s = timeout_s});
  }
};

std::string failure_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Rendezvous, ValuesAreSeenByAll) {
  Host host;
  auto other = host.join();
  host.store->set("a", "one");
  EXPECT_EQ(other->get("a", 1), "one");
  EXPECT_EQ(other->find("b"), std::nullopt);
  EXPECT_EQ(other->add("n", 3), 3);
  EXPECT_EQ(host.store->add("n", -1), 2);
  other->append("a", " two");
  EXPECT_EQ(host.store->get("a", 1), "one two");
  EXPECT_EQ(other->compare_set("c", "", "x"), "x");
  EXPECT_EQ(host.store->compare_set("c", "y", "z"), "x");
  EXPECT_EQ(host.store->compare_set("c", "x", "z"), "z");
  EXPECT_TRUE(other->remove("c"));
  EXPECT_FALSE(other->remove("c"));
  auto inner = prefixed("p", other);
  inner->set("k", "v");
  EXPECT_EQ(host.store->get("p/k", 1), "v");
  const std::string large(3 << 20, 'x');
  other->set("large", large);
  EXPECT_EQ(host.store->get("large", 5), large);
}

TEST(Rendezvous, AGetWaitsForTheValueAndHoldsUpNobody) {
  Host host;
  auto other = host.join();
  std::string got;
  {
    std::jthread waiter([&] { got = other->get("late", 5); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    other->set("meanwhile", "yes");
    host.store->set("late", "here");
  }
  EXPECT_EQ(got, "here");
  const std::string said = failure_of([&] { other->get("never", 0.2); });
  EXPECT_NE(said.find("'never' was not written within 0.2 s"), std::string::npos) << said;
  EXPECT_EQ(other->get("meanwhile", 1), "yes");
}

TEST(Rendezvous, AStrangerHearsNothingAndChangesNothing) {
  Host host;
  host.store->set("secret", "value");
  // Speaks our language without the proof.
  base::Descriptor talker = stranger(host.port);
  const std::string frame = request_frame(StoreOp::set, "secret", std::string(kNonceBytes + kProofBytes, 'x')) +
                            request_frame(StoreOp::get, "secret", "");
  ASSERT_GT(::send(talker.get(), frame.data(), frame.size(), MSG_NOSIGNAL), 0);
  const std::string said = heard(talker);
  EXPECT_EQ(said.size(), kStoreMagic.size() + kNonceBytes);
  EXPECT_EQ(said.find("value"), std::string::npos);
  // Sends the proof of another connection.
  base::Descriptor replayer = stranger(host.port);
  const std::string nonce = fresh_nonce(), proof = store_proof(kKey, "client", nonce, nonce);
  ASSERT_GT(::send(replayer.get(), (nonce + proof).data(), kNonceBytes + kProofBytes, MSG_NOSIGNAL), 0);
  EXPECT_EQ(heard(replayer).size(), kStoreMagic.size() + kNonceBytes);
  // Holds connections open and says nothing: the ranks still meet.
  std::vector<base::Descriptor> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(stranger(host.port));
  EXPECT_EQ(host.join()->get("secret", 1), "value");
}

TEST(Rendezvous, ACrowdOfIdleStrangersThatComeBackKeepsNoRankOut) {
  Host host;
  std::atomic<int> held = 0;
  std::jthread crowd([&](std::stop_token stop) {
    std::vector<base::Descriptor> idle(600);
    while (!stop.stop_requested()) {
      for (base::Descriptor& socket : idle) {
        char byte;
        const ssize_t count = socket ? ::recv(socket.get(), &byte, 1, MSG_DONTWAIT) : 0;
        if (count == 0 || (count < 0 && errno != EAGAIN)) socket = stranger(host.port);
      }
      held = 600;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  while (held == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  host.store->set("a", "b");
  for (int rank = 1; rank <= 4; ++rank) EXPECT_EQ(host.join()->get("a", 1), "b") << rank;
}

TEST(Rendezvous, AnotherKeyIsRefusedAtOnce) {
  Host host;
  base::Stopwatch watch;
  const std::string said = failure_of([&] { host.join("another key of sixteen and more"); });
  EXPECT_NE(said.find("refused our key"), std::string::npos) << said;
  EXPECT_LT(watch.elapsed_s(), 2);
}

TEST(Rendezvous, AStrangerThatListensIsNotBelieved) {
  int port = 0;
  base::Descriptor socket = listener(port);
  std::jthread impostor([&] {
    base::Descriptor client(::accept(socket.get(), nullptr, nullptr));
    const std::string hello = std::string(kStoreMagic) + fresh_nonce() + std::string(kProofBytes, 'p');
    ::send(client.get(), hello.data(), hello.size(), MSG_NOSIGNAL);
    heard(client);
  });
  const std::string said = failure_of(
      [&] { join_rendezvous({.address = "127.0.0.1", .port = port, .key = kKey, .rank = 1, .timeout_s = 2}); });
  EXPECT_NE(said.find("does not know the key"), std::string::npos) << said;
}

TEST(Rendezvous, APortThatIsTakenIsOneClearError) {
  int port = 0;
  base::Descriptor socket = listener(port);
  try {
    join_rendezvous({.address = "127.0.0.1", .port = port, .key = kKey, .rank = 0, .timeout_s = 2});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 3);
    EXPECT_NE(std::string(error.what()).find("is taken on rank 0's node"), std::string::npos) << error.what();
  }
}

TEST(Rendezvous, ARankWaitsForTheListenerUntilTheLimit) {
  int port = 0;
  listener(port).reset();  // free again
  base::Stopwatch watch;
  const std::string said = failure_of(
      [&] { join_rendezvous({.address = "127.0.0.1", .port = port, .key = kKey, .rank = 1, .timeout_s = 0.5}); });
  EXPECT_NE(said.find("no meeting point within"), std::string::npos) << said;
  EXPECT_LT(watch.elapsed_s(), 2);
  std::shared_ptr<Store> store;
  std::jthread late([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    store = join_rendezvous({.address = "127.0.0.1", .port = port, .key = kKey, .rank = 0, .timeout_s = 5});
    store->set("a", "b");
  });
  EXPECT_EQ(
      join_rendezvous({.address = "127.0.0.1", .port = port, .key = kKey, .rank = 1, .timeout_s = 5})->get("a", 5),
      "b");
}

TEST(Rendezvous, ALostStoreIsAnError) {
  auto host = std::make_unique<Host>();
  auto other = host->join();
  host.reset();
  EXPECT_THROW(other->set("a", "b"), Error);
}

TEST(AttemptKey, IsReadOnlyFromAPrivateFile) {
  tests::TemporaryFolder folder;
  const auto path = folder.path() / "key";
  base::write_file(path, std::string(kKey) + "\n", 0600);
  EXPECT_EQ(read_attempt_key(path), kKey);
  ::chmod(path.c_str(), 0640);
  EXPECT_NE(failure_of([&] { read_attempt_key(path); }).find("can be read by others"), std::string::npos);
  base::write_file(path, "short", 0600);
  EXPECT_THROW(read_attempt_key(path), Error);
  EXPECT_THROW(read_attempt_key(folder.path() / "none"), Error);
}

}  // namespace
}  // namespace muster::comm
