#!/bin/sh
# Builds the preset `launcher` into the folder $1 and asks it for a plan.
set -eu
cmake --preset launcher -B "$1" > "$1.log" || { cat "$1.log"; exit 1; }
cmake --build "$1" --target programs
MUSTER_CLUSTERS=$PWD/clusters MUSTER_TEMPLATES=$PWD/templates "$1/bin/muster" plan reverse-digits > /dev/null
if ldd "$1/bin/muster" | awk '{ print $1 }' | grep -E 'torch|c10|cuda|nccl'; then
  echo "the launcher must not link these"
  exit 1
fi
