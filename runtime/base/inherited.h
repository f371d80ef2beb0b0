// What a process inherits from its starter, made safe to use. Daemons, cron and containers close standard descriptors;
// nohup and `&` in a script hand ignored signals on.
#pragma once

namespace muster::base {

/// Opens /dev/null on each of the descriptors 0, 1 and 2 that is closed, because the next file that is opened would
/// become a standard stream; makes SIGCHLD usable where the starter ignored it; and lets a write beyond the limit of a
/// file's size (`ulimit -f`) fail as on a full disk, instead of ending this process. The first call of every main.
void repair_inherited_state();
/// Whether this process ignores `signal` now.
bool ignores(int signal);
/// A write to a pipe or socket that nobody reads fails from now on and ends this process no more. Children started with
/// start_child have the usual behaviour.
void ignore_broken_pipes();

}  // namespace muster::base
