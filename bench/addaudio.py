"""A sound track onto a video of minutes: `apigpu render addaudio` against `-c:v copy`. Limit: 1.05 times its CPU.

python bench/addaudio.py [--runs N] [--quick]
"""

from __future__ import annotations

import json
from pathlib import Path

from _apigpu import own_cpu_s, planned_run, rendering
from _inputs import corpus_file, narration, plain_film, scratch
from _measure import Command, Options, binaries, compared, heading, in_turn, listed, options, take

LIMIT = 1.05


def main(options: Options) -> None:
    video = plain_film(30) if options.quick else (corpus_file("video/long_1080p_lowbitrate.mp4") or plain_film(360))
    duration_s = picture_s(video)
    # As long as the picture, so that both sides encode the same sound.
    sound = narration(duration_s)
    words = ["addaudio", "--url-video", str(video), "--url-audio", str(sound)]
    print(heading(f"addaudio: {duration_s:.0f} s of 1080p30, stereo MP3", options))
    with scratch() as folder:
        whole = folder / "whole.mp4"
        planned = planned_run("the planned FFmpeg run", words, folder, folder / "planned.mp4")
        rate = planned.argv[planned.argv.index("-b:a") + 1]
        commands = [
            plain(video, sound, rate, folder / "plain.mp4"),
            planned,
            rendering("apigpu, the whole process", words, whole),
        ]
        rounds = in_turn(commands, options.runs)
    print(listed(commands))
    print(compared(rounds, "plain FFmpeg", {command.name: LIMIT for command in commands[1:]}))
    print(f"\n{own_cpu_s(rounds['apigpu, the whole process'])}\n")


def plain(video: Path, sound: Path, rate: str, output: Path) -> Command:
    inputs = ["-i", str(video), "-i", str(sound), "-map", "0:v:0", "-map", "1:a:0"]
    codecs = ["-c:v", "copy", "-c:a", "aac", "-b:a", rate, "-movflags", "+faststart"]
    return Command(
        "plain FFmpeg", [binaries().ffmpeg, "-hide_banner", "-nostdin", "-y", *inputs, *codecs, str(output)]
    )


def picture_s(video: Path) -> float:
    """Seconds that the first video stream lasts."""
    asked = ["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=duration", "-of", "json", str(video)]
    found = json.loads(take(Command("ffprobe", [binaries().ffprobe, *asked])).stdout)
    return float(found["streams"][0]["duration"])


if __name__ == "__main__":
    main(options(__doc__))
