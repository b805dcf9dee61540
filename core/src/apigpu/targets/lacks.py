"""From failed probes to sentences: what is missing, what happens instead, and what would mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from apigpu.ffmpeg.failures import Failure
from apigpu.targets.probes import Answer
from apigpu.targets.target import Lack

_NO_NVENC_REMEDY = "Choose a card with NVENC, such as L4, L40S, T4, A10 or an RTX, to encode on the GPU."
_CONTAINER = "Start the container with the NVIDIA runtime and NVIDIA_DRIVER_CAPABILITIES=compute,video,utility."
_DEBIAN_NEEDS = "470.57.02"
_OF_THE_CODEC = {
    "nvdec_failed": "this card's NVDEC does not take it",
    # The frames came from the CPU without a word: FFmpeg chose a decoder that knows no hardware.
    "illegal_graph": "this FFmpeg does not decode it with NVDEC",
}

NO_DRIVER = Lack(
    "cuda",
    "no_driver",
    "There is no NVIDIA driver here (libcuda.so.1 cannot be loaded).",
    f"If the machine has an NVIDIA card: {_CONTAINER}",
)
NO_CUDA_BUILD = Lack(
    "cuda",
    "ffmpeg_without_cuda",
    "This FFmpeg was built without CUDA filters.",
    "Install another one, such as Debian's or the packaged one (pip install 'apigpu[ffmpeg]').",
)


def lack_of_filters(answer: Answer) -> Lack | None:
    """Why no filter runs on the card."""
    if answer.failure is None:
        return None
    return _lack("cuda", "Filters run on the CPU", answer.failure, answer.needs_driver)


def lacks_of_decoders(answers: Mapping[str, Answer]) -> Iterable[Lack]:
    """Why NVDEC does not decode at all, or which codecs it does not, one sentence for each cause."""
    causes = _by_cause(answers)
    for failure, _ in causes:
        if failure.code not in _OF_THE_CODEC:
            yield _lack("nvdec", "Videos are decoded on the CPU", failure, "")
            return
    for failure, codecs in causes:
        sentence = f"{', '.join(codecs)}: decoded on the CPU, since {_OF_THE_CODEC[failure.code]}."
        yield Lack("nvdec", "nvdec_lacks_codec", sentence, names=tuple(codecs))


def lacks_of_encoders(answers: Mapping[str, Answer], otherwise: str) -> Iterable[Lack]:
    """Why NVENC does not encode, one sentence for each cause; `otherwise` is the encoder of the CPU."""
    for failure, encoders in _by_cause(answers):
        instead = f"; {otherwise} encodes" if "h264_nvenc" in encoders and otherwise else ""
        needs = next((answers[name].needs_driver for name in encoders if answers[name].needs_driver), "")
        lack = _lack("nvenc", f"{', '.join(encoders)} cannot be used{instead}", failure, needs)
        yield replace(lack, names=tuple(encoders))


def _lack(what: str, effect: str, failure: Failure, needs_driver: str) -> Lack:
    reason = failure.sentence.removesuffix(".")
    return Lack(what, failure.code, f"{effect}: {reason}.", _remedy(failure, needs_driver))


def _remedy(failure: Failure, needs_driver: str) -> str:
    match failure.code:
        case "driver_too_old" if needs_driver:
            other = (
                "" if needs_driver == _DEBIAN_NEEDS else f", or use Debian's FFmpeg 5.1, which needs {_DEBIAN_NEEDS}"
            )
            return f"Update the NVIDIA driver to {needs_driver} or newer{other}."
        case "no_nvenc":
            return _NO_NVENC_REMEDY
        case "no_gpu" | "no_driver":
            return _CONTAINER
        case "nvenc_lacks_feature":
            return ""  # nothing is wrong: such is the card
    return failure.remedy


def _by_cause(answers: Mapping[str, Answer]) -> list[tuple[Failure, list[str]]]:
    found: dict[str, tuple[Failure, list[str]]] = {}
    for name, answer in answers.items():
        if answer.failure is not None:
            found.setdefault(answer.failure.code, (answer.failure, []))[1].append(name)
    return list(found.values())
