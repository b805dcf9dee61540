"""All benchmarks, one after the other, as one Markdown page.

python bench/all.py [--runs N] [--quick] > bench/RESULTS.md
"""

from __future__ import annotations

import addaudio
import caption
import img2vid
import pipeline
import placement
import startup
from _measure import options


def main() -> None:
    asked = options(__doc__)
    print("# What it costs\n")
    for benchmark in (startup, placement, addaudio, caption, pipeline, img2vid):
        benchmark.main(asked)


if __name__ == "__main__":
    main()
