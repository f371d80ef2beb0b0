#!/bin/bash
# one_gpu.sh BIN SCRATCH: what one GPU does with muster-runtime check and with four steps of a Llama of 1 B parameters, beside
# transformers with the same model on the same GPU. BIN holds muster, muster-runtime, muster-rank and libmuster_cuda.so; the
# tokenizer comes from the quickstart's model. Needs python3 with torch and transformers for the second half.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")") bin=$(realpath "$1") scratch=$(realpath -m "$2")
cache=${MUSTER_CACHE:-$HOME/.cache/muster}
mkdir -p "$scratch/model"
cp "$here"/*.toml "$scratch/"
cp "$here/llama-1b.json" "$scratch/model/config.json"
cp "$cache"/models/smollm2-135m-instruct/tokenizer*.json "$scratch/model/"
cd "$scratch"
"$bin/muster-runtime" check
"$bin/muster" run llama-1b.toml --cluster cluster.toml --run-dir steps
# With a rate of 0 the model at the end is the one that answered.
"$bin/muster" run llama-1b.toml --cluster cluster.toml --run-dir still --set grpo.steps=1 --set optimizer.lr=0
python3 "$here/beside_transformers.py" still steps
