"""What the benchmarks read: made once from the photos and the narration of the demo, kept in the temporary folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from _measure import Command, binaries, note, take

ROOT = Path(__file__).resolve().parent.parent
MEDIA = ROOT / "examples" / "media"
CACHE = Path(gettempdir()) / "apigpu-bench"


def corpus_file(name: str) -> Path | None:
    """A file of the corpus of real media, where there is one."""
    folder = Path(os.environ.get("APIGPU_CORPUS", ROOT.parent / "shared" / "corpus"))
    return folder / name if (folder / name).is_file() else None


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for what is written, in memory where the machine has room for it there: disks are not measured."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and _free_bytes(memory) > 4 << 30
    with TemporaryDirectory(prefix="apigpu-bench-", dir=memory if roomy else None) as name:
        yield Path(name)


def film(duration_s: int) -> Path:
    """A 1080p25 video with sound: a camera that wanders over a photo, with film grain."""
    wander = "crop=1920:1080:x='(iw-ow)*(0.5+0.5*sin(t/3))':y='(ih-oh)*(0.5+0.5*cos(t/4))',noise=alls=5:allf=t"
    return _made(
        f"film-{duration_s}s.mp4",
        *("-loop", "1", "-framerate", "25", "-i", str(MEDIA / "canyon.jpg")),
        *("-stream_loop", "-1", "-i", str(MEDIA / "narration.wav")),
        *("-vf", f"{wander},scale=out_range=tv,format=yuv420p", "-t", str(duration_s)),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-c:a", "aac", "-b:a", "128k"),
    )


def plain_film(duration_s: int) -> Path:
    """A long 1080p30 video of few bits, for where the picture is only copied."""
    return _made(
        f"plain-film-{duration_s}s.mp4",
        *("-f", "lavfi", "-i", f"testsrc2=s=1920x1080:r=30:d={duration_s}"),
        *("-f", "lavfi", "-i", f"sine=f=440:r=48000:d={duration_s}", "-pix_fmt", "yuv420p"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "35", "-g", "300", "-c:a", "aac", "-b:a", "64k"),
    )


def narration(duration_s: float) -> Path:
    """Speech again and again, as a stereo MP3 of 44.1 kHz."""
    return _made(
        f"narration-{duration_s:.3f}s.mp3",
        *("-stream_loop", "-1", "-i", str(MEDIA / "narration.wav"), "-t", f"{duration_s:.3f}"),
        *("-ar", "44100", "-ac", "2", "-c:a", "libmp3lame", "-b:a", "128k"),
    )


def subtitles(duration_s: int) -> Path:
    """Two seconds of text and half a second of none, in turn; every other cue has two lines."""

    def write(path: Path) -> None:
        cues = []
        for number, start in enumerate(range(0, duration_s * 1000 - 2000, 2500), 1):
            text = f"Cue number {number} of this film" + ("\nhas a second line" if number % 2 else "")
            cues.append(f"{number}\n{_clock(start)} --> {_clock(start + 2000)}\n{text}\n")
        path.write_text("\n".join(cues), encoding="utf-8")

    return _kept(f"subtitles-{duration_s}s.srt", write)


def photo(name: str, megapixels: float) -> Path:
    """One of the demo's photos, enlarged to what cameras give."""
    growth = f"sqrt({megapixels}e6/iw/ih)"
    larger = f"scale='2*trunc(iw/2*{growth})':'2*trunc(ih/2*{growth})':flags=lanczos,setsar=1"
    return _made(f"{name}-{megapixels:g}MP.jpg", "-i", str(MEDIA / f"{name}.jpg"), "-vf", larger, "-q:v", "3")


def _made(name: str, *arguments: str) -> Path:
    def make(path: Path) -> None:
        take(Command(f"making {name}", [binaries().ffmpeg, "-v", "error", "-y", *arguments, str(path)]))

    return _kept(name, make)


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    path = CACHE / name
    if not path.exists():
        note(f"making {path}")
        CACHE.mkdir(exist_ok=True)
        part = path.with_name(f"part-{os.getpid()}-{name}")
        make(part)
        part.rename(path)
    return path


def _clock(ms: int) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


def _free_bytes(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize
