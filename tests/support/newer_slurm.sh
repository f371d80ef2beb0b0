#!/bin/bash
# newer_slurm.sh SOURCE BUILD SCRATCH PROGRAM...: runs test programs against the Slurm of a newer Debian, in a root of its own
# into which its packages are unpacked; nothing is installed. Needs root.
#
# It fetches, by apt's own tools and from where this machine's apt gets Debian (the release alone is changed, to $NEWER_DEBIAN or
# trixie: Slurm 24.11), the index of the release and slurmctld, slurmd, slurm-client, munge and what they depend on: about 50 MB
# in the first call, nothing after. The files are in SCRATCH/apt, the root is SCRATCH/root (150 MB).
set -euo pipefail
source_folder=$1 build=$2 scratch=$(realpath -m "$3")
shift 3
release=${NEWER_DEBIAN:-trixie}
skip() { echo "skipped: $*"; exit 77; }
((EUID == 0)) && unshare --mount true 2> /dev/null || skip "a root of its own needs root"
command -v apt-get dpkg-deb > /dev/null || skip "apt is not here"

apt_folder=$scratch/apt root=$scratch/root
fetch() {
  local here options
  here=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mkdir -p "$apt_folder"/{state/lists/partial,cache/archives/partial}
  : > "$apt_folder/status"
  # The paragraph or line of Debian itself, with the other release; updates and other components are left out.
  awk 'BEGIN { RS = ""; ORS = "\n\n" } /(^|\n)Suites: *'"$here"'( |\n|$)/' /etc/apt/sources.list.d/*.sources 2> /dev/null |
    sed "s/^Suites:.*/Suites: $release/; s/^Components:.*/Components: main/; /^#/d" > "$apt_folder/debian.sources" || true
  grep -hE "^deb .* $here main" /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2> /dev/null |
    sed "s/ $here main.*/ $release main/" > "$apt_folder/debian.list" || true
  local list=$apt_folder/debian.sources
  [[ -s $list ]] || list=$apt_folder/debian.list
  [[ -s $list ]] || skip "apt has no source of Debian $here here"
  options=(-o "Dir::State=$apt_folder/state" -o "Dir::State::status=$apt_folder/status" -o "Dir::Cache=$apt_folder/cache"
    -o "Dir::Etc::sourcelist=$list" -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root -o Debug::NoLocking=1)
  timeout 300 apt-get "${options[@]}" -qq update > "$apt_folder/update.log" 2>&1 || skip "Debian $release cannot be reached: $apt_folder/update.log"
  timeout 600 apt-get "${options[@]}" -qq -y --no-install-recommends --download-only install slurmctld slurmd slurm-client munge \
    bash coreutils findutils grep sed mawk tar gzip hostname util-linux procps libstdc++6 > "$apt_folder/fetch.log" 2>&1 ||
    skip "packages of Debian $release cannot be fetched: $apt_folder/fetch.log"
}

unpack() {
  local package program
  rm -rf "$root.part"
  mkdir -p "$root.part"
  for package in "$apt_folder"/cache/archives/*.deb; do dpkg-deb -x "$package" "$root.part"; done
  printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/sh\n' > "$root.part/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' > "$root.part/etc/group"
  echo "127.0.0.1 localhost $(hostname)" > "$root.part/etc/hosts"
  echo "passwd: files" > "$root.part/etc/nsswitch.conf"
  # What the packages' scripts would link.
  ln -sf mawk "$root.part/usr/bin/awk"
  [[ -e $root.part/usr/bin/sh ]] || ln -s bash "$root.part/usr/bin/sh"
  for program in slurmctld slurmd slurmstepd; do
    [[ -e $root.part/usr/sbin/$program ]] || ln -s "$program-wlm" "$root.part/usr/sbin/$program"
  done
  mv "$root.part" "$root"
}

# Libraries of our programs that the newer release has no more; never libslurm, of which each release has its own.
lend_libraries() {
  local library
  rm -rf "$root/opt/lent"
  mkdir -p "$root/opt/lent"
  { ldd "$build"/bin/{muster,muster-runtime,fake_rank} "$@" || true; } | grep -o '/[^ ]*\.so[^ ]*' | sort -u | while read -r library; do
    [[ $library == *libslurm* || -e $root/usr/lib/x86_64-linux-gnu/${library##*/} || -e $root/usr/lib64/${library##*/} ]] ||
      cp -L "$library" "$root/opt/lent/"
  done
}

if [[ ! -d $root ]]; then
  fetch
  unpack
fi
lend_libraries "$@"
mkdir -p "$root$source_folder" "$root$build"
export root source_folder build
exec unshare --mount --propagation private bash -c '
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/tmp"
  mount --bind "$source_folder" "$root$source_folder"
  mount --bind "$build" "$root$build"
  export PATH=/usr/bin:/usr/sbin:/bin:/sbin LD_LIBRARY_PATH=/opt/lent HOME=/root
  for program; do chroot "$root" /usr/bin/env --chdir=/tmp "$program" || exit; done' newer_slurm "$@"
