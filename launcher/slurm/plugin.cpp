// Opens the libslurm plugin (libmuster_slurm.so, beside the executable) where it is there, else falls back to Slurm's
// commands.
#include <dlfcn.h>

#include "launcher/slurm/queries.h"
#include "runtime/base/process.h"

namespace muster::slurm {

std::unique_ptr<Queries> make_plugin_queries() {
  const std::string path = (base::executable_folder() / "libmuster_slurm.so").string();
  // Never closed: its objects' code must outlive them. It fails to open where libslurm is of another release.
  // Global, because Slurm's own plugins (auth, hash) look for libslurm's symbols in the process.
  void* plugin = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (plugin == nullptr) return nullptr;
  using Make = Queries* (*)();
  const auto make = reinterpret_cast<Make>(::dlsym(plugin, "muster_slurm_queries"));
  return std::unique_ptr<Queries>(make == nullptr ? nullptr : make());
}

std::unique_ptr<Queries> make_queries() {
  std::unique_ptr<Queries> queries = make_plugin_queries();
  return queries ? std::move(queries) : make_command_queries();
}

}  // namespace muster::slurm
