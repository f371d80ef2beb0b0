// Opens the libslurm plugin (libmuster_slurm.so, beside the executable) where it is there, else falls back to Slurm's
// commands.
#include <dlfcn.h>

#include <cstdlib>

#include "launcher/slurm/queries.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

namespace muster::slurm {

namespace {

std::string path_of_plugin() { return (base::executable_folder() / "libmuster_slurm.so").string(); }

// Never closed: its objects' code must outlive them. It fails to open where libslurm is of another release.
// Global, because Slurm's own plugins (auth, hash) look for libslurm's symbols in the process.
void* open_plugin() { return ::dlopen(path_of_plugin().c_str(), RTLD_NOW | RTLD_GLOBAL); }

}  // namespace

std::unique_ptr<Queries> make_plugin_queries() {
  void* plugin = open_plugin();
  if (plugin == nullptr) return nullptr;
  using Make = Queries* (*)();
  const auto make = reinterpret_cast<Make>(::dlsym(plugin, "muster_slurm_queries"));
  return std::unique_ptr<Queries>(make == nullptr ? nullptr : make());
}

std::string plugin_trouble() {
  if (!base::is_there(path_of_plugin()) || open_plugin() != nullptr) return "";
  const char* said = ::dlerror();
  return base::text("libmuster_slurm.so, built for Slurm ", MUSTER_SLURM_RELEASE,
                    ", does not open here: ", said == nullptr ? "no reason given" : said);
}

std::unique_ptr<Queries> make_queries() {
  const char* other_cluster = std::getenv("SLURM_CLUSTERS");
  if (other_cluster != nullptr && *other_cluster != '\0') return make_command_queries();
  std::unique_ptr<Queries> queries = make_plugin_queries();
  return queries ? std::move(queries) : make_command_queries();
}

}  // namespace muster::slurm
