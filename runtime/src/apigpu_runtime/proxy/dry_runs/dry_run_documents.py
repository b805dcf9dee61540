"""What a dry run answers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from apigpu.plan import Plan

FactsFrom = Literal["request", "fetched"]


class DryRun(BaseModel):
    """What a job would do. Nothing has been rendered, and no GPU was asked."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    operation: str
    target: str
    """The machine that the plan is for."""
    facts_from: dict[str, FactsFrom]
    """Where the facts of each media address come from, by its place in the request."""
    facts: dict[str, dict[str, Any]] = Field(
        description="The facts by place, as `facts` of the next request takes them: then nothing is fetched."
    )
    plan: Plan
    """Everything, as data."""
    text: str
    """The plan for people."""
    command: str
    """What FFmpeg would be told, quoted for a shell. Inputs are named by their place in the request, the output
    `OUTPUT`."""
    argv: list[str]
    """The same, word by word."""
    mermaid: str
    """The graph in Mermaid."""
    dot: str
    """The graph in Graphviz' language."""
