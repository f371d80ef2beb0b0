#!/bin/bash
# bundle.sh SOURCE BUILD SCRATCH [--gpu]: makes a bundle of BUILD (with --gpu one with the CUDA libraries, of its own build), moves it into a root that holds nothing but a plain system's C and
# C++ libraries, a shell and the names of users and hosts, and runs the tiny job there.
set -euo pipefail
source_folder=$1 build=$2 scratch=$3 gpu=${4:-}
fail() { echo "FAILED: $*" >&2; exit 1; }
rm -rf "$scratch"
mkdir -p "$scratch"
if [[ $gpu == --gpu ]]; then whose=(--gpu); else whose=(--build "$build"); fi
"$source_folder/tools/bundle" "${whose[@]}" --output "$scratch" --folder-only

grep -q rehearse "$scratch"/muster-*/share/muster/completion.bash || fail "no completion for bash"

root=$scratch/root
mkdir -p "$root"/{bin,etc,proc,tmp,opt,dev,lib/x86_64-linux-gnu,lib64}
for file in /bin/sh /lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu/{libc.so.6,libm.so.6,libdl.so.2,librt.so.1,libpthread.so.0,libutil.so.1,libgcc_s.so.1} /usr/lib/x86_64-linux-gnu/libstdc++.so.6; do
  place=${file#/usr}
  mkdir -p "$root${place%/*}"
  cp -L "$file" "$root$place"
done
echo "root:x:0:0:root:/tmp:/bin/sh" > "$root/etc/passwd"
echo "127.0.0.1 localhost $(hostname)" > "$root/etc/hosts"
mv "$scratch"/muster-* "$root/opt/moved here"

cat > "$root/tmp/inside" <<'INSIDE'
"$bundle/bin/muster" --version &&
  "$bundle/bin/muster" run reverse-digits --run-dir "$here/run" --set grpo.steps=2 --set gen.dp=2 --set train.dp=2 --set warmup.sft_steps=8 &&
  "$bundle/bin/muster" status "$here/run" &&
  "$bundle/bin/muster" rehearse grpo-llama3.1-8b-16xh100-megatron --cluster dgx-h100 &&
  "$bundle/bin/muster-runtime" check
INSIDE
# A root of its own, in a namespace: as root, or as the user's own root. Where neither may be made it runs in place.
if ((EUID == 0)); then namespaces=(--mount); else namespaces=(--user --map-root-user --mount --pid --fork); fi
if unshare "${namespaces[@]}" true 2> /dev/null; then
  enter="mount -t proc proc '$root/proc' && mount --bind /dev '$root/dev' && exec env -i PATH=/bin HOME=/tmp here=/tmp 'bundle=/opt/moved here' \
    $(command -v chroot) '$root' /bin/sh /tmp/inside"
  unshare "${namespaces[@]}" sh -c "$enter" > "$scratch/said" 2>&1 || { cat "$scratch/said"; fail "the tiny job does not run in an empty root"; }
else
  echo "no namespace may be made here: the bundle runs in place, among this system's libraries"
  env -i PATH=/bin HOME="$scratch" here="$root/tmp" bundle="$root/opt/moved here" /bin/sh "$root/tmp/inside" > "$scratch/said" 2>&1 ||
    { cat "$scratch/said"; fail "the tiny job does not run from the bundle"; }
fi
grep -q "^muster [0-9.]*$" "$scratch/said" || fail "no version"
grep -q 'step 2/2' "$scratch/said" || fail "no second step"
grep -q 'all 2 ranks finished' "$scratch/said" || { cat "$scratch/said"; fail "status does not say that it finished"; }
grep -q 'trains stage 0 of 2' "$scratch/said" || fail "no rehearsal"
test -s "$root/tmp/run/model/model.safetensors" || fail "no model was written"

grep -q '^all agree' "$scratch/said" || { cat "$scratch/said"; fail "muster-runtime check does not end well"; }
# With --gpu the library and all that it needs is loaded, and the driver is what is missing.
if [[ $gpu == --gpu ]]; then no_gpu='no GPU can be used on this node'; else no_gpu='this build has no libmuster_cuda.so'; fi
grep -q "$no_gpu" "$scratch/said" || { cat "$scratch/said"; fail "check does not say '$no_gpu'"; }

# A program that asks for a newer system is refused.
mkdir -p "$scratch/newer/bin"
cp "$build"/bin/muster{,-runtime} "$scratch/newer/bin/"
echo 'unsigned arc4random(void); int main(void) { return arc4random() == 0; }' | cc -x c - -o "$scratch/newer/bin/muster-rank"
if "$source_folder/tools/bundle" --build "$scratch/newer" --output "$scratch/none" --folder-only > "$scratch/newer.log" 2>&1; then fail "a newer glibc is not refused"; fi
grep -q 'bin/muster-rank asks for GLIBC 2.36, above 2.35' "$scratch/newer.log" || { cat "$scratch/newer.log"; fail "the refusal does not say why"; }
rm -rf "$scratch"
