#!/bin/bash
#SBATCH --job-name="a job"
#SBATCH --nodes=2 --ntasks-per-node=1 --cpus-per-task=8 --gres=gpu:h100:8
#SBATCH --partition=gpu --account="my team" --qos=high --reservation=res_1
#SBATCH --time=90 --requeue --signal=B:USR2@120
#SBATCH --output="/data/50%% of it/run/slurm-%j.log" --open-mode=append
#SBATCH --mem=0 --constraint=ib
set -u
declare -A before_setup
while read -r name; do before_setup[$name]=${!name}; done < <(compgen -e)
module load cuda
export https_proxy=http://proxy:3128
MUSTER_SITE_NAMES=
while read -r name; do [[ "${before_setup[$name]-}" == "${!name}" ]] || MUSTER_SITE_NAMES+=" $name"; done < <(compgen -e)
export MUSTER_SITE_NAMES
exec '/opt/my muster/muster' supervise '/data/50% of it/run' -- --network=sharp '--comment=a b'
