"""The RunPod worker: one handler for every operation."""
