from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from apigpu.ffmpeg.progress import Progress, ProgressReader

BLOCK = """frame=120
fps=48.10
stream_0_0_q=28.0
bitrate= 512.3kbits/s
total_size=262144
out_time_us=4000000
out_time_ms=4000000
out_time=00:00:04.000000
dup_frames=0
drop_frames=0
speed=1.6x
progress=continue
"""


def reports(text: str, duration_s: float | None = 10.0) -> list[Progress]:
    reader = ProgressReader(duration_s)
    return [report for line in text.splitlines(keepends=True) if (report := reader.feed(line))]


def test_a_block_is_one_report() -> None:
    assert reports(BLOCK) == [
        Progress(fraction=0.4, frame=120, out_time_s=4.0, speed=1.6, fps=48.1, eta_s=3.75, done=False)
    ]


def test_what_is_not_known_yet_is_none() -> None:
    first = "frame=0\nfps=0.00\ntotal_size=0\nout_time_us=N/A\nout_time=N/A\nspeed=N/A\nprogress=continue\n"
    assert reports(first) == [
        Progress(fraction=0.0, frame=0, out_time_s=0.0, speed=None, fps=0.0, eta_s=None, done=False)
    ]


def test_without_a_duration_there_is_neither_fraction_nor_estimate() -> None:
    for duration_s in (None, 0.0, -1.0):
        (report,) = reports(BLOCK, duration_s)
        assert (report.fraction, report.eta_s, report.frame) == (None, None, 120)


def test_the_last_report_is_whole_even_where_less_came_out_than_expected() -> None:
    (report,) = reports(BLOCK.replace("progress=continue", "progress=end"))
    assert (report.fraction, report.eta_s, report.done) == (1.0, 0.0, True)


def test_sound_alone_is_progress_without_frames() -> None:
    (report,) = reports("out_time_us=5000000\nspeed= 80x\nprogress=continue\n")
    assert (report.fraction, report.frame, report.speed) == (0.5, 0, 80.0)


def test_the_reader_knows_when_the_run_last_came_forward() -> None:
    now = [100.0]
    reader = ProgressReader(10.0, clock=lambda: now[0])
    for seconds, out_time_us, idle_s in [
        (101.0, 1000, 0.0),
        (105.0, 1000, 4.0),
        (107.0, 900, 6.0),
        (109.0, 2000, 0.0),
    ]:
        now[0] = seconds
        for line in (f"out_time_us={out_time_us}", "progress=continue"):
            reader.feed(line)
        assert reader.idle_s == idle_s


values = st.sampled_from(["N/A", "", "-9223372036854775808", "nan", "inf", "1e400", "-23220"]) | st.integers().map(
    str
)
blocks = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["frame", "out_time_us", "speed", "fps", "total_size"], values)
)


@given(st.lists(blocks), st.none() | st.floats(0.01, 1e6))
def test_reports_never_go_back_nor_beyond_the_end(sequence: list[dict[str, str]], duration_s: float | None) -> None:
    text = "".join(
        "".join(f"{key}={value}\n" for key, value in block.items()) + "progress=continue\n" for block in sequence
    )
    made = reports(text, duration_s)
    assert len(made) == len(sequence)
    for before, after in itertools.pairwise(made):
        assert after.frame >= before.frame
        assert after.out_time_s >= before.out_time_s
        assert (after.fraction or 0) >= (before.fraction or 0)
    assert all(report.fraction is None or 0 <= report.fraction <= 1 for report in made)
    assert all(report.eta_s is None or report.eta_s >= 0 for report in made)


@given(st.text())
def test_no_line_breaks_the_reader(text: str) -> None:
    reports(text + "\nprogress=continue\n")
