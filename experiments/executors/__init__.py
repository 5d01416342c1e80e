"""Where the processes of an ablation run: on this machine, over SLURM, or over a Ray cluster."""
