"""RunPod's endpoint API and worker protocol over SQLite: a queue of one's own that the real SDK works with."""
