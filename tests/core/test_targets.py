"""Targets: named ones are data, and the machine at hand is asked by real runs."""

from __future__ import annotations

import ctypes

import pytest

from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.formats import Domain
from apigpu.targets.detect import detect
from apigpu.targets.presets import TARGET_NAMES, named_target

EVERYTHING = Capabilities.stated(
    filters={}, encoders=["libx264", "libx265", "h264_nvenc", "hevc_nvenc", "av1_nvenc"], version=(9, 0, 2)
)


def has_driver() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def test_the_named_targets_are_the_cards_that_users_rent() -> None:
    assert TARGET_NAMES == ("cpu", "t4", "l4", "rtx4090", "a100", "h100")


@pytest.mark.parametrize(
    ("name", "encoder", "on_cuda", "decodes_av1"),
    [
        ("cpu", "libx264", False, False),
        ("t4", "h264_nvenc", True, False),
        ("l4", "h264_nvenc", True, True),
        ("rtx4090", "h264_nvenc", True, True),
        ("a100", "libx264", True, False),
        ("h100", "libx264", True, True),
    ],
)
def test_a_named_target_has_what_such_a_card_has(name: str, encoder: str, on_cuda: bool, decodes_av1: bool) -> None:
    target = named_target(name, EVERYTHING)
    assert target.encoders[0] == encoder
    assert (Domain.CUDA in target.domains) is on_cuda
    assert ("av1" in target.decoders) is decodes_av1


def test_a_target_offers_no_encoder_that_this_ffmpeg_was_built_without() -> None:
    plain = Capabilities.stated(filters={}, encoders=["libx264"])
    assert named_target("l4", plain).encoders == ("libx264",)


@pytest.mark.ffmpeg
@pytest.mark.skipif(has_driver(), reason="this machine has an NVIDIA driver")
def test_a_machine_without_a_driver_is_a_cpu_and_says_why(binaries: Binaries, capabilities: Capabilities) -> None:
    target = detect(binaries, capabilities)
    assert target.name == "cpu"
    assert target.domains == {Domain.SYSTEM}
    assert target.reasons == ("There is no NVIDIA driver here (libcuda.so.1 cannot be loaded).",)
