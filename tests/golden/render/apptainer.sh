#!/bin/bash
#SBATCH --job-name=sums
#SBATCH --nodes=8 --ntasks-per-node=1 --exclusive --segment=4 --gpus-per-node=4
#SBATCH --nodelist=n[0-7] --constraint=gb200&ib --comment="a b"
#SBATCH --time=240 --no-requeue
#SBATCH --output=/home/u/runs/sums-1/slurm-%j.log --open-mode=append
#SBATCH --mem=0
set -u
ulimit -l unlimited
ulimit -n 65536
exec /opt/muster/bin/muster supervise /home/u/runs/sums-1 -- apptainer exec --nv --bind /home/u:/home/u,/data:/corpus:ro,/opt/muster/bin:/opt/muster/bin,/data/models/llama:/data/models/llama --no-home '/images/cuda 13.sif'
