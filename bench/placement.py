"""CPU milliseconds of `place()` for slide shows of 10 to 300 images, and of trying every placement of small ones.

Limit: 100 ms for a hundred images.

python bench/placement.py [--runs N] [--quick]
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from statistics import median

from _measure import Options, heading, note, options, table, verdict
from apigpu.compiler.encoders import choose_encoder
from apigpu.compiler.place import place
from apigpu.compiler.problem import Problem, problem_of, solve_problem
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.filters import Concat, Overlay, Scale
from apigpu.graph import walk
from apigpu.media.facts import ImageFacts, MediaFile
from apigpu.media.handles import Media
from apigpu.streams import VideoStream
from apigpu.targets.presets import named_target

LIMIT_MS = 100
MOST_COMBINATIONS = 200_000
OPTIONS = "w h x y flags sar format pix_fmts eof_action n v a expr sigma".split()
FILTERS = "scale scale_cuda setsar format hwupload hwdownload overlay overlay_cuda concat split gblur crop".split()
# Stated, not asked of the FFmpeg here: so that there is the same to choose on any machine.
STATED = Capabilities.stated(
    filters=dict.fromkeys(FILTERS, OPTIONS), encoders=["libx264", "h264_nvenc"], version=(5, 1, 9)
)


def main(options: Options) -> None:
    print(heading("Placement: every image scaled and blurred, all joined, one laid over them", options))
    rows = []
    for count in (2, 3, 4, 10, 50) if options.quick else (2, 3, 4, 10, 50, 100, 300):
        for name in ("cpu", "l4"):
            rows.append(row(count, name, options.runs))
            note(" ".join(rows[-1]))
    print(table(("images", "target", "nodes", "place, CPU ms", "every combination, CPU ms", "limit"), rows) + "\n")


def row(count: int, name: str, runs: int) -> tuple[str, ...]:
    video, target = slide_show(count), named_target(name, STATED)
    encoder = choose_encoder("h264", video.format, target)
    nodes = sum(node.is_video for node in walk([video.node]))
    taken_ms = median(cpu_ms(lambda: place(video.node, encoder, target)) for _ in range(runs))
    limit = verdict(taken_ms, LIMIT_MS) if count == 100 else ""
    every = brute_force_ms(problem_of(video.node, encoder, target))
    return str(count), name, str(nodes), f"{taken_ms:.1f}", every, limit


def slide_show(count: int) -> VideoStream:
    slides = []
    for number in range(count):
        image = ImageFacts(width=4000 + number * 2, height=3000, pix_fmt="yuvj420p", codec="mjpeg")
        file = MediaFile(path=f"/media/{number}.jpg", format="image", size_bytes=1, image=image)
        still = Media(files={"it": file}).image("it")
        slides.append(still.apply(Scale(1920, 1080)).filter("gblur", sigma=number + 1.0))
    joined = slides[0].apply(Concat(), *slides[1:])
    return joined.apply(Overlay(20, 20), slides[0].apply(Scale(200, 100)))


def brute_force_ms(problem: Problem) -> str:
    """Tries every combination where that ends, and says whether it finds the cost that elimination found."""
    combinations = math.prod(len(rows) for rows in problem.rows.values())
    if combinations > MOST_COMBINATIONS:
        return f"({combinations:.0e} combinations)"
    found: list[float] = []
    taken_ms = cpu_ms(lambda: found.append(least_cost(problem)))
    same = math.isclose(found[0], solve_problem(problem)[0])
    return f"{taken_ms:.0f} ({combinations} combinations, {'the same cost' if same else 'ANOTHER COST'})"


def least_cost(problem: Problem) -> float:
    choices = itertools.product(*(range(len(rows)) for rows in problem.rows.values()))
    return min(cost_of(problem, dict(zip(problem.rows, choice, strict=True))) for choice in choices)


def cost_of(problem: Problem, chosen: dict[int, int]) -> float:
    """Rows, and every distinct home of every stream once."""
    cost = sum(problem.rows[variable][row].cost_ns_per_s for variable, row in chosen.items())
    for producer, users in problem.uses.items():
        source = problem.rows[producer][chosen[producer]]
        homes = {problem.rows[user][chosen[user]].inputs[pad]: (user, pad) for user, pad in users}
        for user, pad in homes.values():
            cost += problem.conversion_ns(producer, source, problem.rows[user][chosen[user]], pad)
    return cost


def cpu_ms(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


if __name__ == "__main__":
    main(options(__doc__, runs=5))
