#include "launcher/slurm/configuration.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

// Where packages and sites put it; the last is where a node without a file of its own keeps what the controller sent.
constexpr std::array kUsualPlaces{"/etc/slurm/slurm.conf", "/etc/slurm-llnl/slurm.conf", "/usr/local/etc/slurm.conf",
                                  "/opt/slurm/etc/slurm.conf", "/run/slurm/conf/slurm.conf"};

}  // namespace

void check_configuration() {
  if (const char* given = std::getenv("SLURM_CONF"); given != nullptr && *given != '\0') {
    if (::access(given, R_OK) == 0) return;
    throw Error::cluster({.what = base::text("Slurm's configuration cannot be read: ", std::strerror(errno)),
                          .where = base::text("SLURM_CONF=", given),
                          .fix = "correct or unset SLURM_CONF"});
  }
  for (const char* place : kUsualPlaces)
    if (::access(place, R_OK) == 0) return;
  throw Error::cluster({.what = base::text("no Slurm on this machine: no configuration in ", kUsualPlaces[0],
                                           " and the other usual places, and SLURM_CONF is not set"),
                        .fix = "submit from a login node of the cluster, or use `muster run` for this machine"});
}

Error controller_away(const std::string& said) {
  return Error::cluster({.what = base::text("Slurm's controller does not answer", said.empty() ? "" : ": ", said),
                         .fix = "try again when `scontrol ping` says UP; nothing has been submitted"});
}

}  // namespace muster::slurm
