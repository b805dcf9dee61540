"""A plan as Mermaid text, which GitHub, many wikis and the terminal picture draw."""

from __future__ import annotations

from apigpu.plan.model import Plan, PlanLink, PlanNode
from apigpu.plan.words import link_words

_SHAPES = {"input": ('["', '"]'), "output": ('["', '"]'), "upload": ('(["', '"])'), "download": ('(["', '"])')}
_CLASSES = (
    "classDef cuda fill:#76b900,stroke:#4a7400,color:#111",
    "classDef vulkan fill:#a4161a,stroke:#660708,color:#fff",
    "classDef opencl fill:#5a189a,stroke:#3c096c,color:#fff",
    "classDef system fill:#dbe4ee,stroke:#5b7083,color:#111",
)


def render_mermaid(plan: Plan) -> str:
    """A `flowchart LR`: boxes coloured by the memory their frames live in, arrows labelled with what travels."""
    lines = ["flowchart LR"]
    lines += [f"  {_box(node)}:::{node.domain}" for node in plan.nodes]
    lines += [f"  {_arrow(link)}" for link in plan.links]
    used = {node.domain for node in plan.nodes}
    lines += [f"  {line}" for line in _CLASSES if line.split()[1] in used]
    return "\n".join(lines) + "\n"


def _box(node: PlanNode) -> str:
    opening, closing = _SHAPES.get(node.kind, ('("', '")'))
    owner = f"<br/>{_escaped(node.owner)}" if node.owner and node.kind == "filter" else ""
    return f"{node.id}{opening}{_escaped(node.label)}{owner}{closing}"


def _arrow(link: PlanLink) -> str:
    words = link_words(link)
    label = f"|{_escaped(words)}|" if words else ""
    return f"{link.source} -->{label} {link.target}"


def _escaped(text: str) -> str:
    """Quotes, brackets and line ends would end the label; Mermaid reads HTML entities."""
    table = {'"': "#quot;", "<": "#lt;", ">": "#gt;", "|": "#124;", "\n": " ", "`": "'"}
    return "".join(table.get(letter, letter) for letter in text)
