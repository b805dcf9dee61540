"""What a machine's card makes of every operation, against its processor. `scripts/gpu-check` runs it."""
