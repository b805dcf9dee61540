"""A plan for people to read: what comes out, what travels where, warnings, the estimate and the command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from apigpu.plan.model import Plan, PlanLink
from apigpu.plan.picture import render_picture
from apigpu.plan.words import bytes_words, rate_words


def render_text(plan: Plan, *, width: int = 120) -> str:
    """Everything of a plan that a person wants to know, `width` columns wide where that is possible."""
    parts = [
        "\n".join(_summary(plan)),
        render_picture(plan, width=width).rstrip(),
        _section("transfers", _transfers(plan)),
        _section("warnings", [f"{item.code}: {item.message}" for item in plan.warnings]),
        _section("files", [f"{item.path}  {bytes_words(item.size_bytes)}" for item in plan.assets]),
        _section("estimate", [_estimate(plan)]),
        _section("command", [render_argv(plan).rstrip()]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_argv(plan: Plan) -> str:
    """The command line, quoted for a shell; it runs in a folder where the plan's assets lie."""
    return shlex.join(plan.argv()) + "\n"


def render_json(plan: Plan) -> str:
    """The plan as JSON; its schema is `Plan.model_json_schema()`."""
    return plan.model_dump_json(indent=2) + "\n"


def _summary(plan: Plan) -> Iterator[str]:
    out = plan.output
    device = f" ({plan.device})" if plan.device and plan.device.lower() != plan.target else ""
    yield f"target   {plan.target}{device}, ffmpeg {plan.ffmpeg}"
    picture = (
        f"{out.width}x{out.height}, {rate_words(out.frame_rate)} fps, {out.frames} frames, " if out.width else ""
    )
    codecs = ", ".join(_codec(name, kind) for name, kind in ((out.video, "video"), (out.audio, "audio")) if name)
    yield f"output   {out.container}: {picture}{out.duration_s:.3f} s, {codecs}"
    if plan.decoders:
        yield f"decode   {', '.join(plan.decoders)}"


def _codec(name: str, kind: str) -> str:
    return f"{kind} copied" if name == "copy" else name


def _transfers(plan: Plan) -> list[str]:
    if not any(node.domain != "system" for node in plan.nodes):
        return []
    return [_transfer(link) for link in plan.transfers] or ["none: frames stay where they are decoded"]


def _transfer(link: PlanLink) -> str:
    return (
        f"{link.transfer:<9}{link.pix_fmt} {link.width}x{link.height}, {link.rate:g} frames a second, "
        f"{bytes_words(link.bytes_per_s)}/s"
    )


def _estimate(plan: Plan) -> str:
    price = f", ${plan.estimate.usd:.6f} without start-up and idle time" if plan.estimate.usd else ""
    return f"{plan.estimate.machine_s:.2f} busy seconds{price}"


def _section(title: str, lines: list[str]) -> str:
    if not lines:
        return ""
    return "\n".join([title, *(f"  {line}" for line in lines)])
