#!/bin/bash
#SBATCH --job-name=sums
#SBATCH --nodes=4 --ntasks-per-node=1 --exclusive --gpus-per-node=8
#SBATCH --time=240 --no-requeue
#SBATCH --output=/home/u/runs/sums-1/slurm-%j.log --open-mode=append
#SBATCH --mem=0
set -u
ulimit -l unlimited
ulimit -n 65536
exec /opt/muster/bin/muster supervise /home/u/runs/sums-1
