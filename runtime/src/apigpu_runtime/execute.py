"""The whole way of one job: request -> fetch -> probe -> build -> compile -> run -> into place."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Literal

from apigpu.compiler import OutputSpec, compile_clip
from apigpu.errors import ApiGpuError, FFmpegError, InputError, PluginError, SetupError
from apigpu.ffmpeg.binary import Binaries, find_binaries
from apigpu.ffmpeg.capabilities import Capabilities, capabilities_of
from apigpu.ffmpeg.failures import classify
from apigpu.ffmpeg.progress import OnProgress
from apigpu.ffmpeg.run import RunResult, run
from apigpu.formats import Domain
from apigpu.media.facts import MediaFile
from apigpu.media.fields import MediaKind, MediaRef
from apigpu.media.handles import Media, Notice
from apigpu.media.limits import Limits
from apigpu.media.probe import probe, read_text
from apigpu.plan.model import Plan, PlanWarning
from apigpu.streams import Clip, owned_by
from apigpu.targets.ladder import Setbacks
from apigpu.targets.target import Target
from apigpu_runtime.fetch import at, bounded, fetch_all
from apigpu_runtime.leftovers import PREFIX, in_use
from apigpu_runtime.output_file import disk_full, placed
from apigpu_runtime.request import JobRequest, Step
from apigpu_runtime.resolving import direct_urls
from apigpu_runtime.settings import Settings

_ALMOST_FULL_BYTES = 1 << 20


@dataclass(frozen=True)
class Machine:
    """The FFmpeg that does the work, the settings under which it does, and what has gone wrong with the hardware."""

    settings: Settings
    binaries: Binaries
    capabilities: Capabilities
    setbacks: Setbacks = field(default_factory=Setbacks, compare=False)

    @classmethod
    def found(cls, settings: Settings) -> Machine:
        """This machine. Raises SetupError where FFmpeg is missing, too old or incomplete."""
        binaries = find_binaries(settings.environ)
        return cls(settings, binaries, capabilities_of(binaries, settings.environ))

    def target(self, name: str) -> Target:
        """The target of that name; `auto` is what this machine really has, `cuda` the same with CUDA required.

        Raises InputError for an unknown name, SetupError where CUDA is required and absent.
        """
        if name not in {"auto", "cuda"}:
            from apigpu.targets.presets import named_target

            return named_target(name, self.capabilities)
        target = self.detected()
        if name == "cuda" and Domain.CUDA not in target.domains:
            lack = next((lack for lack in target.lacks if lack.what == "cuda"), None)
            raise SetupError(
                lack.sentence if lack else "CUDA cannot be used here.",
                code="no_cuda",
                where="target",
                remedy=lack.remedy if lack else "Use --target auto.",
            )
        return target

    def detected(self, *, fresh: bool = False) -> Target:
        """What this machine really has; `fresh` does not trust what was found before."""
        from apigpu.targets.detect import detect

        return detect(self.binaries, self.capabilities, self.settings.environ, fresh=fresh)


@dataclass(frozen=True)
class Prepared:
    """A job whose files are at hand and whose graph is built, not yet compiled."""

    clip: Clip
    warnings: tuple[PlanWarning, ...]
    files: Mapping[str, Path]
    _plans: dict[tuple[Target, OutputSpec], Plan] = field(init=False, default_factory=dict, compare=False, repr=False)

    def compiled(self, target: Target, output: OutputSpec | str) -> Plan:
        """The plan for a target, made once; a container's name stands for its defaults.

        Raises UnsupportedError, GraphError, InputError.
        """
        wanted = OutputSpec(output) if isinstance(output, str) else output
        key = (target, wanted)
        if key not in self._plans:
            self._plans[key] = compile_clip(self.clip, target, output=wanted, warnings=self.warnings)
        return self._plans[key]


@dataclass(frozen=True)
class Rendered:
    """A file that has taken its place, and what its making took."""

    path: Path
    size_bytes: int
    plan: Plan
    result: RunResult

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU that FFmpeg took."""
        return self.result.user_s + self.result.system_s


@contextmanager
def work_folder(settings: Settings) -> Iterator[Path]:
    """A folder for one run; it is gone afterwards, with everything in it.

    Raises SetupError where it cannot be made, or has no room for what is written inside the block.
    """
    try:
        with TemporaryDirectory(prefix=PREFIX, dir=settings.work_dir, ignore_cleanup_errors=True) as name:
            folder = Path(name).resolve()
            with in_use(folder):
                yield folder
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SetupError(
            f"temporary files cannot be written in {settings.work_dir or gettempdir()}: {error.strerror}.",
            code="work_folder_unusable",
            remedy="Make room there, or name another folder in APIGPU_WORK_DIR.",
        ) from error


async def prepare(
    request: JobRequest,
    *,
    base: Path,
    machine: Machine,
    folder: Path,
    on_stage: Callable[[Literal["fetch", "probe"]], None] = lambda _: None,
) -> Prepared:
    """Fetch, probe and build. `base` is where relative paths start; prepared files go into `folder`.

    Raises InputError that names the field at fault, PluginError where an operation breaks.
    """
    refs = request.refs()
    on_stage("fetch")
    direct, notices = direct_urls(refs, request.resolvers)
    files = await fetch_all(refs, base=base, folder=folder, settings=machine.settings, direct=direct)
    on_stage("probe")
    prepared = build(request, await _looked_at(refs, files, machine, folder), files=files)
    told = tuple(PlanWarning(code=item.code, message=item.message) for item in notices)
    return replace(prepared, warnings=(*told, *prepared.warnings))


Looked = Mapping[tuple[str, MediaKind], MediaFile | bytes]
"""What each address is, by the kind that it is taken for: facts, or the bytes of subtitles."""


def build(request: JobRequest, looked: Looked, *, files: Mapping[str, Path]) -> Prepared:
    """The graph of a request whose media are known. Nothing is opened. Raises InputError, PluginError."""
    warnings: list[Notice] = []
    clip: Clip | None = None
    for step in request.steps:
        clip = _built(step, looked, clip, warnings)
    assert clip is not None
    told = tuple(PlanWarning(code=item.code, message=item.message) for item in warnings)
    return Prepared(clip, tuple(dict.fromkeys(told)), files)


async def execute(
    plan: Plan, output: Path, *, machine: Machine, folder: Path, on_progress: OnProgress | None = None
) -> Rendered:
    """Run the plan in `folder` and put the result at `output`, whole or not at all.

    Raises FFmpegError; InputError where the output's disk is full.
    """
    write_assets(plan, folder)
    with placed(output) as part:
        argv = plan.argv(ffmpeg=machine.binaries.ffmpeg, output=str(part))
        try:
            result = await run(argv, cwd=folder, duration_s=plan.duration_s, on_progress=on_progress)
        except FFmpegError as error:
            if error.fault != "user" and shutil.disk_usage(output.parent).free < _ALMOST_FULL_BYTES:
                raise disk_full(output) from error
            raise
        _whole(plan, result, argv)
        size_bytes = part.stat().st_size
    return Rendered(output, size_bytes, plan, result)


def _whole(plan: Plan, result: RunResult, argv: Sequence[str]) -> None:
    """Raises FFmpegError where the GPU failed on the way and pictures are missing.

    FFmpeg skips what it cannot decode, and exits with 0 unless that is two thirds of it: a device that breaks down
    near the end of a long video would go unnoticed.
    """
    missing = plan.output.frames - result.frames
    is_encoded = plan.output.video not in {"", "copy"}
    if is_encoded and "CUDA_ERROR_" in result.log and missing > max(2, plan.output.frames // 50):
        head, tail = result.stderr_head, result.stderr_tail
        raise classify(result.log, 0).error(argv, exit_code=0, stderr_head=head, stderr_tail=tail)


def write_assets(plan: Plan, folder: Path) -> None:
    """Lay down the small files that the plan's command line reads, below `folder`."""
    for asset in plan.assets:
        path = folder / asset.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(asset.content)


async def _looked_at(refs: tuple[MediaRef, ...], files: Mapping[str, Path], machine: Machine, folder: Path) -> Looked:
    """What each file is, looked at once for every kind that the request takes it for."""
    limits = Limits()
    first = {(ref.url, ref.kind): ref for ref in reversed(refs)}

    async def look(key: tuple[str, MediaKind]) -> MediaFile | bytes:
        path = files[key[0]]
        with at(first[key].where):
            if key[1] is MediaKind.SUBTITLE:
                return await asyncio.to_thread(read_text, path, limits)
            return await probe(path, key[1], binaries=machine.binaries, workdir=folder, limits=limits)

    return await bounded(dict.fromkeys((ref.url, ref.kind) for ref in refs), look)


def _built(step: Step, looked: Looked, previous: Clip | None, warnings: list[Notice]) -> Clip:
    """The clip of one step. Raises PluginError for whatever a plugin lets slip."""
    media = _media_of(step, looked, previous, warnings)
    try:
        with owned_by(step.operation.name):
            clip = step.operation.build(step.request, media)
    except InputError as error:
        error.where = ".".join(part for part in (step.where, error.where) if part)
        raise
    except ApiGpuError:
        raise
    except Exception as error:
        raise _broken(step, f"{type(error).__name__}: {error}") from error
    if not isinstance(clip, Clip):
        raise _broken(step, f"it gave {type(clip).__name__} instead of a Clip")
    return clip


def _media_of(step: Step, looked: Looked, previous: Clip | None, warnings: list[Notice]) -> Media:
    media = Media(previous=previous, warnings=warnings)
    files: dict[str, MediaFile] = {}
    texts: dict[str, bytes] = {}
    for ref in step.refs():
        found = looked[ref.url, ref.kind]
        if isinstance(found, bytes):
            texts[ref.url] = found
        else:
            files.setdefault(ref.url, found)
    media.files, media.texts = files, texts
    return media


def _broken(step: Step, what: str) -> PluginError:
    name, distribution = step.operation.name, step.operation.distribution
    return PluginError(
        f"the operation {name} failed: {what}.",
        code="plugin_failed",
        where=step.where,
        remedy=f"This is a fault of {distribution or name}, not of the request; report it there.",
    )
