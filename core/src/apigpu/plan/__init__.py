"""Plans: what will run, as data, and its renderings."""

from apigpu.plan.dot import render_dot
from apigpu.plan.mermaid import render_mermaid
from apigpu.plan.model import Plan, PlanAsset, PlanWarning
from apigpu.plan.picture import render_picture
from apigpu.plan.text import render_argv, render_json, render_text

__all__ = [
    "Plan",
    "PlanAsset",
    "PlanWarning",
    "render_argv",
    "render_dot",
    "render_json",
    "render_mermaid",
    "render_picture",
    "render_text",
]
