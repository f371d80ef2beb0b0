// The binaries of a submitted run, pinned: copied once beside the runs of a root, under a name made of their content,
// so that a build under a waiting or running job changes nothing for it.
//
//     ROOT/.binaries/<hash>/bin/            muster, muster-runtime, muster-rank, ..., libmuster_*.so
//     ROOT/.binaries/<hash>/share/muster/   templates, clusters
//     ROOT/<run>/bin                        a link to the first of them
#pragma once

#include <filesystem>

namespace muster::run {

/// Copies our programs of the folder `binaries`, with the shipped templates and clusters, into `root`, unless the same
/// content is there; complete or absent. Returns the copy's bin folder. Libraries of others that lie with the programs
/// (beside them, or in ../lib, as in a bundle) are linked to where they are: no build of ours changes them.
/// throws: Error::user when it cannot be written, or a program changed meanwhile because a build is going on.
std::filesystem::path pin_binaries(const std::filesystem::path& binaries, const std::filesystem::path& root);

/// Is this bin folder one that pin_binaries made in `root`?
bool is_pinned(const std::filesystem::path& binaries, const std::filesystem::path& root);

/// The link RUN/bin, which says what the run was pinned to.
std::filesystem::path pinned_link(const std::filesystem::path& run_folder);
void write_pinned_link(const std::filesystem::path& run_folder, const std::filesystem::path& binaries);

/// The `muster` that a next attempt of this run belongs to; empty where none is pinned or it is the running one.
std::filesystem::path other_muster(const std::filesystem::path& run_folder);
/// Goes on as other_muster, with the words of this call: a plan is read and written by the version that made it.
/// Returns where there is none. throws: Error::cluster when it cannot be started.
void become_pinned(const std::filesystem::path& run_folder);

}  // namespace muster::run
