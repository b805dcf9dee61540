from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apigpu.ffmpeg.failures import classify
from apigpu.ffmpeg.stderr import KEPT_BYTES, StderrKeeper

NOISE = "[h264 @ 0x55a0] [error] concealing {number} DC, {number} AC, {number} MV errors in P frame\n"


def kept(text: str, piece: int = 1000) -> StderrKeeper:
    keeper, raw = StderrKeeper(), text.encode()
    for start in range(0, len(raw), piece):
        keeper.feed(raw[start : start + piece])
    return keeper


def noise(lines: int) -> str:
    return "".join(NOISE.format(number=number) for number in range(lines))


def test_a_short_log_is_kept_whole() -> None:
    log = kept("one\ntwo\n")
    assert (log.head, log.tail, log.text) == ("one\ntwo\n", "", "one\ntwo\n")


def test_the_decisive_line_is_found_between_megabytes_of_noise() -> None:
    log = kept(
        noise(2000) + "[vost#0:0] [error] av_interleaved_write_frame(): No space left on device\n" + noise(20_000)
    )
    assert classify(log.text, 1).code == "disk_full"
    assert "No space left on device" in log.tail


def test_a_decisive_line_that_comes_in_pieces_is_found() -> None:
    text = noise(500) + "[mp4 @ 0x1] [error] Could not find tag for codec vp8 in stream #0\n" + noise(500)
    assert all(classify(kept(text, piece).text, 1).code == "codec_not_in_container" for piece in (7, 100, 4096))


def test_what_is_kept_is_bounded() -> None:
    lines = "".join(f"[x] [error] Option 'o{number}' not found {'y' * 500}\n" for number in range(5000))
    log = kept(lines + "z" * 1_000_000)
    assert len(log.head) == KEPT_BYTES
    assert len(log.text) < 4 * KEPT_BYTES


@given(st.text(), st.integers(1, 50))
def test_pieces_make_no_difference(text: str, piece: int) -> None:
    whole, parts = kept(text, 10_000_000), kept(text, piece)
    assert (whole.head, whole.tail, whole.text) == (parts.head, parts.tail, parts.text)


@given(st.binary())
def test_bytes_that_are_no_text_do_no_harm(raw: bytes) -> None:
    keeper = StderrKeeper()
    keeper.feed(raw)
    assert isinstance(keeper.text, str)
