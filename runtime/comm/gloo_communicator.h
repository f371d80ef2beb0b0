// gloo: ranks on CPUs, over TCP. Every call is made of sends and receives posted together and waited for here, one hop
// for small messages, two for large ones; so a wait knows its peer, results do not depend on timing, and no thread pool
// stands between.
#pragma once

#include <memory>
#include <string>

#include "runtime/comm/communicator.h"
#include "runtime/comm/store.h"

namespace muster::comm {

struct GlooOptions {
  std::string address = "127.0.0.1";  // of this rank's own node, as the others reach it
  double timeout_s = 600;             // of every call, and of the meeting
  std::string key;  // the attempt's secret: every connection of the group is proven with it; empty: no proof
};

/// collective: all `size` ranks that share `store`, under one `name`. A group of one is solo.
/// Sums of BF16 and FP16 are taken in float32 and in the order of the ranks. FP8 travels, but is not reduced.
/// throws: Error::cluster when the group does not come together in time or a connection cannot prove the key.
std::unique_ptr<Communicator> make_gloo(std::string name, std::shared_ptr<Store> store, int rank, int size,
                                        const GlooOptions& options);

}  // namespace muster::comm
