"""How alike one `quality` looks from H.264, HEVC and AV1, in VMAF; and which crf would make them equal.

The clips are hand-held camera, animation and film grain. The second table is where the numbers of
apigpu.compiler.quality come from. NVENC is in neither: it needs a card.

python bench/quality.py [--quick]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean

from _inputs import corpus_file, film, scratch
from _measure import Command, Options, binaries, heading, note, options, table, take
from apigpu.compiler.encoders import ENCODERS
from apigpu.compiler.quality import ANCHORS, told
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.targets.presets import named_target

SOFTWARE = ("libx264", "libx265", "libsvtav1")
RULER = "libx264"
QUALITIES = (1, 25, 50, 62, 75, 88, 100)
GRIDS: Mapping[str, Sequence[float]] = {
    "libx265": (12, 18, 24, 30, 36),
    "libsvtav1": (8, 16, 24, 32, 40, 48, 56, 62),
}


@dataclass(frozen=True)
class Seen:
    """What one encode of one clip gave."""

    vmaf: float
    kbit_per_s: float
    cpu_s: float


@dataclass(frozen=True)
class Bench:
    """Where raw clips lie, and the FFmpeg that compares: the encoding one need not have libvmaf."""

    folder: Path
    judge: str

    def raw(self, source: Path, start_s: float, length_s: float) -> Path:
        path = self.folder / f"{source.stem}.y4m"
        cut = ("-ss", str(start_s), "-t", str(length_s), "-i", str(source), "-map", "0:v:0", "-pix_fmt", "yuv420p")
        take(Command("cutting", [binaries().ffmpeg, "-v", "error", "-y", *cut, str(path)]))
        return path

    def seen(self, clip: Path, encoder: str, crf: float) -> Seen:
        settings = ENCODERS[encoder].options_on(named_target("cpu", Capabilities.stated(filters={})))
        settings["crf"] = f"{crf:g}"
        words = [word for name, value in settings.items() for word in (f"-{name}", value)]
        out = self.folder / "out.mkv"
        argv = [binaries().ffmpeg, "-v", "error", "-y", "-i", str(clip), "-c:v", encoder, *words, str(out)]
        taken = take(Command(f"{encoder} at crf {crf:g}", argv))
        graph = "[0:v]settb=1/25,setpts=N[a];[1:v]settb=1/25,setpts=N[b];[a][b]libvmaf=n_subsample=2:n_threads=2"
        compare = [self.judge, "-nostdin", "-i", str(out), "-i", str(clip), "-lavfi", graph, "-f", "null", "-"]
        said = take(Command("VMAF", compare)).stderr.decode(errors="replace")
        (score,) = re.findall(r"VMAF score: ([\d.]+)", said)
        duration_s = _duration_s(said)
        return Seen(float(score), out.stat().st_size * 8e-3 / duration_s, taken.cpu_s)


def main(chosen: Options) -> None:
    print(heading("Quality: one number, three codecs", chosen))
    with scratch() as folder:
        bench = Bench(folder, _judge())
        clips = _clips(bench, chosen)
        print(f"VMAF of {', '.join(clips)}, each about a second.\n")
        print(_as_set(bench, clips, chosen) + "\n")
        print(_fitted(bench, clips, chosen))


def _as_set(bench: Bench, clips: Mapping[str, Path], chosen: Options) -> str:
    """Every encoder as apigpu sets it: means over the clips, and how far apart one clip's scores lie at most."""
    rows = []
    for quality in (25, 75) if chosen.quick else QUALITIES:
        note(f"quality {quality}")
        crf = {name: float(told(name, quality)["crf"]) for name in SOFTWARE}
        seen = {name: [bench.seen(clip, name, crf[name]) for clip in clips.values()] for name in SOFTWARE}
        apart = [max(same, key=_vmaf).vmaf - min(same, key=_vmaf).vmaf for same in zip(*seen.values(), strict=True)]
        cells = [
            f"{mean(item.vmaf for item in found):.1f} ({mean(item.kbit_per_s for item in found):.0f} kbit/s, "
            f"{mean(item.cpu_s for item in found):.1f} CPU s)"
            for found in seen.values()
        ]
        rows.append((str(quality), *cells, f"{mean(apart):.1f}, {max(apart):.1f}"))
    return table(("quality", *SOFTWARE, "VMAF apart: mean, worst clip"), rows)


def _fitted(bench: Bench, clips: Mapping[str, Path], chosen: Options) -> str:
    """For each anchor of the scale the crf at which an encoder scores as the ruler does, clip by clip."""
    anchors = ANCHORS[1:-1:2] if chosen.quick else ANCHORS
    crf = {anchor: float(told(RULER, anchor)["crf"]) for anchor in anchors}
    found: dict[tuple[int, str], list[float]] = {}
    for clip in clips.values():
        wanted = {anchor: bench.seen(clip, RULER, crf[anchor]).vmaf for anchor in anchors}
        for name, grid in GRIDS.items():
            note(f"{name} on {clip.stem}")
            curve = [(value, bench.seen(clip, name, value).vmaf) for value in grid]
            for anchor in anchors:
                found.setdefault((anchor, name), []).append(_crossing(curve, wanted[anchor]))
    rows = [
        (str(anchor), f"{crf[anchor]:g}", *(_with_mean(found[anchor, name]) for name in GRIDS)) for anchor in anchors
    ]
    return table(("quality", f"{RULER} crf", *(f"{name} of equal VMAF: mean (each clip)" for name in GRIDS)), rows)


def _crossing(curve: Sequence[tuple[float, float]], vmaf: float) -> float:
    """The crf at which the falling curve has this score; its nearer end where it never has."""
    for (low, above), (high, below) in pairwise(curve):
        if above >= vmaf >= below:
            return low + (high - low) * (above - vmaf) / (above - below) if above > below else low
    return curve[0][0] if vmaf > curve[0][1] else curve[-1][0]


def _with_mean(values: Sequence[float]) -> str:
    return f"{mean(values):.1f} ({', '.join(f'{value:.1f}' for value in values)})"


def _clips(bench: Bench, chosen: Options) -> dict[str, Path]:
    grain = bench.raw(film(10), 2, 1)
    real = {
        "hand-held camera": (corpus_file("video/ftyp3gp5.mp4"), 0.0, 1.2),
        "animation": (corpus_file("video/bigbuckbunny.mp4"), 2.0, 1.2),
    }
    found = {name: bench.raw(path, start_s, length_s) for name, (path, start_s, length_s) in real.items() if path}
    return {"film grain": grain} if chosen.quick else {**found, "film grain": grain}


def _judge() -> str:
    """An FFmpeg with libvmaf: the one at hand, else the packaged one."""
    listed = take(Command("filters", [binaries().ffmpeg, "-hide_banner", "-filters"])).stdout.decode()
    if " libvmaf " in listed:
        return binaries().ffmpeg
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _duration_s(said: str) -> float:
    hours, minutes, seconds = re.findall(r"Duration: (\d+):(\d+):([\d.]+)", said)[0]
    return float(hours) * 3600 + float(minutes) * 60 + float(seconds)


def _vmaf(item: Seen) -> float:
    return item.vmaf


if __name__ == "__main__":
    main(options(__doc__, runs=1))
