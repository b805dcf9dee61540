"""The demo pipeline as one graph against its three steps, one after the other with files in between.

python bench/pipeline.py [--runs N] [--quick]
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from _apigpu import planned, rendering
from _inputs import ROOT, scratch
from _measure import Command, Options, Taken, binaries, heading, listed, note, options, table, take

DEMO = ROOT / "examples" / "demo.json"
Steps = list[dict[str, Any]]


def main(options: Options) -> None:
    steps = demo_steps(seconds_each=1 if options.quick else 3)
    print(heading("The demo pipeline: img2vid, addaudio, caption", options))
    with scratch() as folder:
        whole = written(folder / "pipeline.json", steps)
        fused = [rendering("one graph", ["pipeline", str(whole)], folder / "fused.mp4")]
        apart = one_by_one(steps, folder)
        taken: dict[str, list[list[Taken]]] = {"one graph": [], "step by step": []}
        for _ in range(options.runs):
            taken["one graph"].append([take(command) for command in fused])
            taken["step by step"].append([take(command) for command in apart])
            note("another round is done")
        print(listed([*fused, *apart]))
        files = {"one graph": [folder / "fused.mp4"], "step by step": sorted(folder.glob("step-*.mp4"))}
        reference = lossless(whole, folder)
        rows = [row(name, taken[name], files[name], reference) for name in taken]
    columns = ("", "CPU s", "wall s", "MB written", "SSIM", "PSNR dB", "final file MB")
    print(table(columns, rows))
    print("\nSSIM and PSNR (luma) of the final file against the same graph encoded without loss.\n")


def row(name: str, rounds: Sequence[Sequence[Taken]], files: Sequence[Path], reference: Path) -> tuple[str, ...]:
    cpu = median(sum(item.cpu_s for item in taken) for taken in rounds)
    wall = median(sum(item.wall_s for item in taken) for taken in rounds)
    written_mb = sum(file.stat().st_size for file in files) / 1e6
    ssim, psnr = likeness(files[-1], reference)
    last_mb = files[-1].stat().st_size / 1e6
    return name, f"{cpu:.2f}", f"{wall:.2f}", f"{written_mb:.2f}", f"{ssim:.5f}", f"{psnr:.2f}", f"{last_mb:.2f}"


def one_by_one(steps: Steps, folder: Path) -> list[Command]:
    """The steps as pipelines of one step each, every one reading what the one before wrote."""
    commands: list[Command] = []
    previous: dict[str, str] = {}
    for number, step in enumerate(steps, 1):
        output = folder / f"step-{number}.mp4"
        request = written(folder / f"step-{number}.json", [{**step, **previous}])
        commands.append(rendering(f"step {number}", ["pipeline", str(request)], output))
        previous = {"url_video": str(output)}
    return commands


def demo_steps(*, seconds_each: float) -> Steps:
    """The demo's steps with whole paths."""
    steps: Steps = _whole_paths(json.loads(DEMO.read_text(encoding="utf-8"))["steps"])
    for image in steps[0]["images"]:
        image["duration"] = seconds_each
    return steps


def _whole_paths(value: Any) -> Any:
    match value:
        case str() if value.startswith("media/"):
            return str(DEMO.parent / value)
        case Mapping():
            return {name: _whole_paths(item) for name, item in value.items()}
        case list():
            return [_whole_paths(item) for item in value]
        case _:
            return value


def written(path: Path, steps: Steps) -> Path:
    path.write_text(json.dumps({"steps": steps}), encoding="utf-8")
    return path


def lossless(request: Path, folder: Path) -> Path:
    """The frames of the planned graph, encoded without loss."""
    arguments = planned(["pipeline", str(request)], folder)[:-1]
    output = folder / "lossless.mp4"
    crf = arguments.index("-crf")
    del arguments[crf : crf + 2]
    # Later options win over those of the plan.
    exact = ["-qp", "0", "-preset", "ultrafast", str(output)]
    take(Command("lossless", [binaries().ffmpeg, *arguments, *exact], folder))
    return output


def likeness(file: Path, reference: Path) -> tuple[float, float]:
    """SSIM and PSNR of the luma."""
    graph = "[0:v]split[a][b];[1:v]split[c][d];[a][c]ssim;[b][d]psnr"
    argv = [binaries().ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-i", str(file), "-i", str(reference)]
    said = take(Command("ssim", [*argv, "-filter_complex", graph, "-f", "null", "-"])).stderr.decode()
    ssim, psnr = re.search(r"SSIM Y:([\d.]+)", said), re.search(r"PSNR y:([\d.]+)", said)
    assert ssim, said
    assert psnr, said
    return float(ssim[1]), float(psnr[1])


if __name__ == "__main__":
    main(options(__doc__))
