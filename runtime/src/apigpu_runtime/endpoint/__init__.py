"""RunPod's own APIs, as a client sees them."""
