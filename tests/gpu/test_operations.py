"""Every operation and pipeline on every card: the CPU's result, and the copies that the plan says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from gpu_support import Bench, carried, psnr_db, same_but_for_pixels
from softgpu.equipment import Personality

pytestmark = pytest.mark.ffmpeg

Steps = Sequence[tuple[str, Mapping[str, object]]]

CAPTION = ("caption", {"url_video": "plain.mp4", "url_srt": "it.srt"})
BLUR = ("blur", {"url_video": "plain.mp4", "sigma": 2.0})
ADDAUDIO = ("addaudio", {"url_video": "plain.mp4", "url_audio": "tone.wav"})
FILM = ("img2vid", {"url_image": "photo.jpg", "width": 384, "height": 240, "frame_rate": 25, "duration": 1.0})
STILL = ("img2vid", {**FILM[1], "motion": "none"})
WORK: Mapping[str, Steps] = {
    "caption": (CAPTION,),
    "blur": (BLUR,),
    "img2vid": (FILM,),
    "addaudio": (ADDAUDIO,),
    "blur, caption": (BLUR, CAPTION),
    "caption, blur": (CAPTION, BLUR),
    "addaudio, caption": (ADDAUDIO, CAPTION),
    "img2vid of a still, caption": (STILL, CAPTION),
    "img2vid, addaudio, caption": (FILM, ADDAUDIO, CAPTION),
}


@pytest.mark.parametrize("card", ["t4", "l4", "rtx4090", "a100", "h100"])
@pytest.mark.parametrize("work", WORK)
def test_a_card_gives_the_result_of_the_cpu(
    bench: Bench, work: str, card: Personality, record_property: Callable[[str, object], None]
) -> None:
    clip = bench.clip(*WORK[work])
    on_card, on_cpu = bench.on(card, clip), bench.on_cpu(clip, remember_as=work)
    same_but_for_pixels(on_card, on_cpu)
    db, trace, plan = psnr_db(on_card, on_cpu), on_card.trace, on_card.plan
    row = f"{db:.1f} dB, {len(trace.uploads)} up, {len(trace.downloads)} down, {plan.output.video}"
    record_property("row", row)
    assert db >= 50
    # FFmpeg carries whole lines: a few bytes more than the picture where its width is not a multiple of 64.
    assert sum(trace.uploads) == pytest.approx(carried(plan, "upload"), rel=0.05)
    assert sum(trace.downloads) == pytest.approx(carried(plan, "download"), rel=0.05)
