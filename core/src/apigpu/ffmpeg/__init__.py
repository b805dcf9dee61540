"""Finding FFmpeg, knowing what it can do, running it, and understanding how it failed."""
