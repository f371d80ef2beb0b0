#!/bin/bash
# on_your_cluster.sh SOURCE BUILD SCRATCH: the commands of the README's page "On your cluster", from the archive to a first step,
# in a root that holds a plain system, a site's Slurm (tests/support/slurm_lab.sh) and nothing of ours. Needs root.
set -euo pipefail
source_folder=$1 build=$2 scratch=$3
fail() { echo "FAILED: $*" >&2; exit 1; }
PATH=$PATH:/usr/sbin:/sbin
if ((EUID != 0)) || ! unshare --mount true 2> /dev/null || ! command -v slurmctld > /dev/null; then
  echo "skipped: a root of its own needs root and Slurm"
  exit 77
fi
rm -rf "$scratch"
mkdir -p "$scratch"
"$source_folder/tools/bundle" --build "$build" --output "$scratch"

# The site's system: programs, and the libraries that they and Slurm's plugins need.
root=$scratch/root plugins=/usr/lib/x86_64-linux-gnu/slurm-wlm
mkdir -p "$root"/{bin,sbin,etc,proc,sys,tmp,dev,shared,lib64,usr/lib/x86_64-linux-gnu}
ln -s ../bin "$root/usr/bin"
ln -s ../sbin "$root/usr/sbin"
ln -s usr/lib "$root/lib"
for program in bash sh cat cp mv rm ls mkdir mktemp chmod chown sleep dd head tail tr sort stat id date nproc hostname ln readlink realpath \
  dirname basename wc timeout seq env tee touch uname cut grep sed awk tar gzip find ps setsid \
  munged slurmctld slurmd slurmstepd srun sbatch scontrol squeue sinfo scancel; do
  cp -L "$(type -P "$program")" "$root/bin/$program"
done
mv "$root"/bin/{munged,slurmctld,slurmd,slurmstepd} "$root/sbin/"
cp -r "$plugins" "$root$plugins"
cp -L /usr/lib/x86_64-linux-gnu/{libc.so.6,libm.so.6,libdl.so.2,librt.so.1,libpthread.so.0,libutil.so.1,libnss_files.so.2,libgcc_s.so.1,libstdc++.so.6} "$root/usr/lib/x86_64-linux-gnu/"
{ ldd "$root"/bin/* "$root"/sbin/* "$root$plugins"/*.so "$root"/usr/lib/x86_64-linux-gnu/libstdc++.so.6 2> /dev/null || true; } | grep -o '/[^ ]*' |
  grep -v "^$root\|:$\|slurm-wlm" | sort -u | while read -r library; do
  place=$root/usr/lib/x86_64-linux-gnu/${library##*/}
  [[ -e $place || ! -e $library ]] || cp -L "$library" "$place"
done
cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
printf 'root:x:0:0:root:/shared:/bin/bash\nnobody:x:65534:65534::/:/bin/sh\n' > "$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' > "$root/etc/group"
echo "127.0.0.1 localhost $(hostname)" > "$root/etc/hosts"
echo "passwd: files" > "$root/etc/nsswitch.conf"
cp "$source_folder/tests/support/slurm_lab.sh" "$root/tmp/"
mv "$scratch"/muster-*.tar.gz "$root/tmp/"
grep -rlq muster "$root/bin" && fail "the root holds something of ours"

cat > "$root/tmp/walk" <<'INSIDE'
set -eux
cd /shared
tar -xzf /tmp/muster-*.tar.gz
export PATH=$(echo $PWD/muster-*/bin):$PATH
srun -N1 -p batch muster cluster probe --output cluster.toml
muster doctor --cluster cluster.toml --submit || (($? == 1))
muster plan reverse-digits --cluster cluster.toml > plan.txt
muster submit reverse-digits --cluster cluster.toml --preflight --set grpo.steps=40
for try in {1..300}; do test -s runs/*/steps.jsonl && break; sleep 0.2; done
muster watch
muster stacks
for try in {1..300}; do test -s runs/*/attempt_0/verdict.json && break; sleep 0.2; done
muster status
INSIDE
cat > "$root/tmp/inside" <<'INSIDE'
bash /tmp/slurm_lab.sh start /tmp/lab --nodes 2 --gpus 0 --owner $$ && export SLURM_CONF=/tmp/lab/slurm.conf
bash /tmp/walk
code=$?
bash /tmp/slurm_lab.sh stop /tmp/lab
exit $code
INSIDE
enter="mount -t proc proc '$root/proc' && mount --rbind /dev '$root/dev' && mount --rbind /sys '$root/sys' && exec env -i PATH=/bin:/sbin HOME=/shared LANG=C.UTF-8 $(command -v chroot) '$root' /bin/bash /tmp/inside"
unshare --mount bash -c "$enter" > "$scratch/said" 2>&1 || { cat "$scratch/said"; fail "the walk does not come to its end"; }
grep -q 'all agree' "$scratch/said" || { cat "$scratch/said"; fail "the doctor has not tried muster-runtime on a node"; }
grep -q 'rank 0 on node0, main thread' "$scratch/said" || { cat "$scratch/said"; fail "no stacks"; }
grep -q 'state         done' "$scratch/said" || { cat "$scratch/said"; fail "the run did not end well"; }
rm -rf "$scratch"
