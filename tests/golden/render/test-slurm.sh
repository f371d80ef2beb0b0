#!/bin/bash
#SBATCH --job-name=sums
#SBATCH --nodes=2 --ntasks-per-node=1 --exclusive
#SBATCH --partition=batch
#SBATCH --time=30 --no-requeue
#SBATCH --output=/home/u/runs/sums-1/slurm-%j.log --open-mode=append
set -u
exec /opt/muster/bin/muster supervise /home/u/runs/sums-1
