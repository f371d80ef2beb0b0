// The server of the rendezvous: one thread that answers those who know the key. Internal to comm/.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "runtime/base/files.h"

namespace muster::comm {

class StoreServer {
 public:
  /// `listener` is a listening TCP socket, taken over.
  StoreServer(base::Descriptor listener, std::string key);
  /// Closes all connections.
  ~StoreServer();
  StoreServer(const StoreServer&) = delete;
  StoreServer& operator=(const StoreServer&) = delete;

 private:
  struct Client {
    base::Descriptor socket;
    std::string nonce;  // ours
    bool trusted = false;
    bool gone = false;
    double since_s = 0;   // of the connection; a proof must come within a limit
    std::string address;  // of the other end, without the port
    std::string in, out;
    std::string awaited;  // key of a get that waits; a client asks one thing at a time
    bool waiting = false;
  };
  void run(std::stop_token stop);
  void accept_clients();
  bool make_room();
  void receive(Client& client);
  void take_proof(Client& client);
  void take_requests(Client& client);
  void answer(Client& client, std::uint8_t op, const std::string& key, const std::string& value);
  void changed(const std::string& key);
  static void flush(Client& client);

  base::Descriptor listener_, wake_;
  std::string key_;
  std::list<Client> clients_;
  std::map<std::string, std::string, std::less<>> table_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace muster::comm
