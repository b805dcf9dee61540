"""The tables of docs/runpod.md are what the code says. `APIGPU_UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from apigpu_runtime.backend import BackendError
from apigpu_runtime.endpoint.diagnosis import failure_diagnosis
from apigpu_runtime.endpoint.refusals import (
    Peer,
    endpoint_unknown,
    key_refused,
    out_of_credit,
    rate_limited,
    too_large,
)
from apigpu_runtime.endpoint.rules import LOCAL_RULES, RUNPOD_RULES, Facts, Rule
from apigpu_runtime.envelope import Failure

PAGE = Path(__file__).resolve().parents[2] / "docs" / "runpod.md"
RUNPOD = Peer("RunPod", "4m7x2k9q")


def rules_table(rules: Iterable[Rule], endpoint_id: str) -> str:
    facts = Facts(
        endpoint_id=endpoint_id, queued=14, running=2, idle=1, initializing=1, throttled=3, unhealthy=2, waiting_s=480
    )
    rows = []
    for rule in rules:
        found = rule.diagnosis(facts)
        broken = " *Broken.*" if found.broken else ""
        rows.append((f"`{found.code}`", rule.seen, found.message + broken, found.remedy))
    return table(("Code", "When", "Message", "What to do"), rows)


def refusals_table() -> str:
    errors: list[tuple[str, BackendError]] = [
        ("401", key_refused(RUNPOD, 401)),
        ("403", key_refused(RUNPOD, 403)),
        ("404", endpoint_unknown(RUNPOD)),
        ("402, or words of a balance", out_of_credit(RUNPOD)),
        ("413, or 10 MB before sending", too_large(RUNPOD)),
        ("429", rate_limited(RUNPOD, None)),
    ]
    rows = [(seen, f"`{error.code}`", error.message, error.remedy) for seen, error in errors]
    return table(("RunPod's answer", "Code", "Message", "What to do"), rows)


def failures_table() -> str:
    rows = []
    for code in ("unknown_operation", "version_skew"):
        found = failure_diagnosis(Failure(code=code, message="", operation="blur"))
        assert found is not None
        rows.append((f"`{code}`", found.message, found.remedy))
    return table(("The worker's code", "What it means", "What to do"), rows)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


TABLES: dict[str, Callable[[], str]] = {
    "rules": lambda: rules_table(RUNPOD_RULES, "4m7x2k9q"),
    "refusals": refusals_table,
    "failures": failures_table,
    "local": lambda: rules_table(LOCAL_RULES, ""),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_page_prints_what_the_code_says(name: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    assert pattern.search(text)
    written = pattern.sub(lambda found: f"{found[1]}{TABLES[name]()}\n{found[2]}", text)
    if os.environ.get("APIGPU_UPDATE_GOLDEN"):
        PAGE.write_text(written, encoding="utf-8")
    assert written == PAGE.read_text(encoding="utf-8")
