"""What it takes to start: `apigpu` against Python that does nothing. Limit: `apigpu --help` within 0.5 CPU seconds.

python bench/startup.py [--runs N]
"""

from __future__ import annotations

import sys

from _apigpu import apigpu
from _inputs import corpus_file, film, narration, photo, plain_film, subtitles
from _measure import Command, Options, cpu_s, heading, in_turn, listed, options, table, verdict, wall_s

HELP_LIMIT_S = 0.5


def main(options: Options) -> None:
    print(heading("Starting up", options))
    commands = [
        Command("Python alone", [sys.executable, "-c", "pass"]),
        Command("import pydantic", [sys.executable, "-c", "import pydantic; pydantic.BaseModel"]),
        apigpu("help", "--help"),
        apigpu("operations", "operations"),
        *plans(),
    ]
    rounds = in_turn(commands, options.runs)
    print(listed(commands))
    rows = []
    for name, taken in rounds.items():
        limit = verdict(cpu_s(taken), HELP_LIMIT_S) if name == "help" else ""
        rows.append((name, f"{cpu_s(taken):.3f}", f"{wall_s(taken):.2f}", limit))
    print(table(("", "CPU s", "wall s", "limit"), rows) + "\n")


def plans() -> list[Command]:
    """A plan of each operation, probing included."""
    video = str(film(8))
    long = str(corpus_file("video/long_1080p_lowbitrate.mp4") or plain_film(30))
    requests = {
        "caption": ("--url-video", video, "--url-srt", str(subtitles(8))),
        "addaudio": ("--url-video", long, "--url-audio", str(narration(30))),
        "img2vid": ("--url-image", str(photo("coast", 14.0)), "--frame-rate", "30"),
    }
    return [
        apigpu(f"plan {name}", "plan", name, *words, "--target", "cpu", "--format", "argv")
        for name, words in requests.items()
    ]


if __name__ == "__main__":
    main(options(__doc__, runs=5))
