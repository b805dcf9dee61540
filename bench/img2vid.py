"""A zoom into a 12 to 16 megapixel photo, 150 frames of 1080p30: what it costs, how steady and how exact it is.

Limits: the whole of `apigpu render img2vid` takes 1.6 times the CPU of encoding frames that lie ready, and a sixth of
the command that enlarges the photo six times for zoompan.

python bench/img2vid.py [--runs N] [--quick]
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from PIL import Image

from _apigpu import own_cpu_s, planned_run, rendering
from _inputs import photo, scratch
from _jitter import Picture, dotted_still, jitter
from _likeness import grey_photo, likeness
from _measure import (
    Options,
    Rounds,
    compared,
    cpu_s,
    heading,
    in_turn,
    listed,
    note,
    options,
    ratios,
    table,
    take,
    verdict,
)
from _zooms import NCA, NCA_AT_RATE, SIX_TIMES, ZOOM, Way, boxes, encoding_of, luma, planned_frames, request

FLOOR_LIMIT, GAIN_LIMIT = 1.6, 6.0
MEGAPIXELS = {False: 14.0, True: 2.0}
"""Of the photos; with --quick few, since the sixfold enlargement takes a minute otherwise."""
WHOLE = "apigpu, the whole process"
HOW = """Jitter: soft dots, around where the exact path puts them. PSNR and SSIM: a photo in grey, against the exact
rectangles resampled by Pillow's Lanczos."""


def main(options: Options) -> None:
    with scratch() as folder:
        cost(photo("coast", MEGAPIXELS[options.quick]), folder, options)
    with scratch() as folder:
        by_photo(folder, options)
    with scratch() as folder:
        quality(photo("coast", 14.0), folder, options)


def cost(still: Path, folder: Path, options: Options) -> None:
    width, height = Image.open(still).size
    print(heading(f"img2vid: 150 frames of 1080p30 from a photo of {width * height / 1e6:.1f} megapixels", options))
    ready = folder / "ready.yuv"
    take(planned_frames(still, folder, ready))
    commands = [
        encoding_of(ready, still, folder, folder / "ready.mp4"),
        planned_run("the planned FFmpeg run", request(still), folder, folder / "planned.mp4"),
        rendering(WHOLE, request(still), folder / "whole.mp4"),
        NCA.command(still, folder / "nca.mp4"),
        SIX_TIMES.command(still, folder / "six-times.mp4"),
    ]
    rounds = in_turn(commands, options.runs)
    print(listed(commands))
    print(compared(rounds, "encoding alone", {WHOLE: FLOOR_LIMIT}))
    print(f"\n{own_cpu_s(rounds[WHOLE])} {gain(rounds)}\n")


def by_photo(folder: Path, options: Options) -> None:
    """The less there is to encode, the lower is the floor; what apigpu adds to it is much the same."""
    rows = []
    for name in ("canyon", "coast", "pier", "spacecraft"):
        still, ready = photo(name, MEGAPIXELS[options.quick]), folder / "ready.yuv"
        take(planned_frames(still, folder, ready))
        floor = encoding_of(ready, still, folder, folder / "ready.mp4")
        rounds = in_turn([floor, rendering(WHOLE, request(still), folder / "whole.mp4")], options.runs)
        # Once: it takes half a minute, and the answer is a factor.
        six_times_s = take(SIX_TIMES.command(still, folder / "six.mp4")).cpu_s
        floor_s, whole_s = (cpu_s(taken) for taken in rounds.values())
        over = median(ratios(rounds[WHOLE], rounds[floor.name]))
        seconds = [f"{value:.2f}" for value in (floor_s, whole_s, six_times_s)]
        rows.append((name, *seconds, f"{over:.2f}", verdict(over, FLOOR_LIMIT), f"{six_times_s / whole_s:.1f}"))
    head = (
        "photo",
        "encoding alone, CPU s",
        "apigpu",
        "6x upscale, once",
        "apigpu / encoding",
        "limit",
        "6x / apigpu",
    )
    print(table(head, rows) + "\n")


def gain(rounds: Rounds) -> str:
    times = ratios(rounds[SIX_TIMES.name], rounds[WHOLE])
    kept = "kept" if median(times) >= GAIN_LIMIT else "MISSED"
    return f"The 6x upscale takes {median(times):.1f} times the CPU of the whole apigpu (>= {GAIN_LIMIT:g}: {kept})."


def quality(picture: Path, folder: Path, options: Options) -> None:
    """Steadiness and exactness before the encoder, all on the same way, on stills of the frame's shape."""
    width, height = (1920, 1080) if options.quick else (4608, 2592)
    dots, centres = dotted_still(width, height)
    grey = grey_photo(Image.open(picture), width, height)
    dotted_jpeg, grey_jpeg = as_jpeg(dots, folder / "dots.jpg"), as_jpeg(grey, folder / "grey.jpg")
    seen = slice(None, None, 15 if options.quick else 3)
    truth = Image.open(grey_jpeg).convert("L")
    rows = []
    for name, way in {"apigpu": None, **{way.name: way for way in (SIX_TIMES, NCA, NCA_AT_RATE)}}.items():
        path = boxes(width, height, way.pace if way else 1.0)
        steady = jitter(frames(way, dotted_jpeg, folder), path, centres)
        alike = likeness(frames(way, grey_jpeg, folder)[seen], path[seen], truth)
        rows.append((name, *(f"{value:.3f}" for value in steady), f"{alike.psnr_db:.1f}", f"{alike.ssim:.4f}"))
        note(" ".join(rows[-1]))
    print(f"Frames before the encoder, zoom 1.0 to {ZOOM}, stills of {width}x{height}:\n")
    print(table(("", "jitter, px rms", "worst frame, px", "PSNR dB", "SSIM"), rows))
    print(f"\n{HOW}\n")


def frames(way: Way | None, still: Path, folder: Path) -> Picture:
    raw = folder / "frames.yuv"
    take(way.frames(still, raw) if way else planned_frames(still, folder, raw))
    return luma(raw)


def as_jpeg(picture: Image.Image, path: Path) -> Path:
    """As cameras store it: in 4:2:0, to which zoompan snaps."""
    picture.convert("RGB").save(path, quality=97, subsampling="4:2:0")
    return path


if __name__ == "__main__":
    main(options(__doc__))
