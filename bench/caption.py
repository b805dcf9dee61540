"""Burning subtitles in: `apigpu render caption` against a plain FFmpeg command. Limit: 1.02 times its CPU seconds.

python bench/caption.py [--runs N] [--quick]
"""

from __future__ import annotations

from pathlib import Path

from _apigpu import own_cpu_s, planned_run, rendering
from _inputs import film, scratch, subtitles
from _measure import Command, Options, binaries, compared, heading, in_turn, listed, options

LIMIT = 1.02


def main(options: Options) -> None:
    duration_s = 8 if options.quick else 60
    video, cues = film(duration_s), subtitles(duration_s)
    words = ["caption", "--url-video", str(video), "--url-srt", str(cues)]
    print(heading(f"caption: {duration_s} s of 1080p25", options))
    with scratch() as folder:
        commands = [
            plain(video, cues, folder / "plain.mp4"),
            planned_run("the planned FFmpeg run", words, folder, folder / "planned.mp4"),
            rendering("apigpu, the whole process", words, folder / "whole.mp4"),
        ]
        rounds = in_turn(commands, options.runs)
    print(listed(commands))
    print(compared(rounds, "plain FFmpeg", {command.name: LIMIT for command in commands[1:]}))
    print(f"\n{own_cpu_s(rounds['apigpu, the whole process'])}\n")


def plain(video: Path, cues: Path, output: Path) -> Command:
    codecs = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-c:a", "copy", "-movflags", "+faststart"]
    quiet = ["-hide_banner", "-nostdin", "-y"]
    argv = [binaries().ffmpeg, *quiet, "-i", str(video), "-vf", f"subtitles={cues}", *codecs, str(output)]
    return Command("plain FFmpeg", argv)


if __name__ == "__main__":
    main(options(__doc__))
