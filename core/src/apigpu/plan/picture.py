"""A plan as a picture made of box-drawing letters, for the terminal."""

from __future__ import annotations

import unicodedata

from apigpu.plan.model import Plan, PlanNode

_MOST_BOXES = 40


def render_picture(plan: Plan, *, width: int = 120) -> str:
    """The graph drawn left to right, or top to bottom where that is wider than `width` columns.

    Parallel branches that do the same are drawn once, with their number. Boxes say where their frames live
    where that is not system memory.
    """
    import termaid

    drawn = _merged(_without_copied_sound(plan))
    if len(drawn.nodes) > _MOST_BOXES:
        return f"(a graph of {len(plan.nodes)} boxes: see --format mermaid or dot)\n"
    across = termaid.render(_flowchart(drawn, "LR"), padding_x=1, padding_y=0, gap=2)
    if max(map(len, across.splitlines()), default=0) <= width:
        return f"{across.rstrip()}\n"
    return termaid.render(_flowchart(drawn, "TD"), padding_x=1, padding_y=0, gap=2).rstrip() + "\n"


def _without_copied_sound(plan: Plan) -> Plan:
    """Sound that is only copied says nothing in a picture, and its arrows cross the others."""
    gone = {node.id for node in plan.nodes if node.kind == "copy" and node.label == "copy audio"}
    links = tuple(link for link in plan.links if link.source not in gone and link.target not in gone)
    return plan.model_copy(update={"nodes": tuple(n for n in plan.nodes if n.id not in gone), "links": links})


def _flowchart(plan: Plan, direction: str) -> str:
    lines = [f"flowchart {direction}"]
    lines += [f'  {node.id}["{_label(node)}"]' for node in plan.nodes]
    for link in plan.links:
        label = f"|{link.pix_fmt}|" if link.pix_fmt else ""
        lines.append(f"  {link.source} -->{label} {link.target}")
    return "\n".join(lines)


def _label(node: PlanNode) -> str:
    text = _plain(node.label)
    return text if node.domain == "system" else f"{node.domain}: {text}"


def _plain(text: str) -> str:
    """Letters that end a label are exchanged, and wide or joining ones dropped, which would shift the frame."""
    safe = "".join("'" if letter in '"`' else "/" if letter in "<>|[](){}" else letter for letter in text)
    return "".join(
        letter for letter in safe if letter.isprintable() and unicodedata.east_asian_width(letter) not in "WF"
    )[:60]


def _merged(plan: Plan) -> Plan:
    """Branches of one shape that lead to the same box become one, marked with their number."""
    into: dict[str, list[str]] = {}
    feeds: dict[str, list[str]] = {}
    for link in plan.links:
        feeds.setdefault(link.target, []).append(link.source)
        into.setdefault(link.source, []).append(link.target)
    by_id = {node.id: node for node in plan.nodes}

    def branch(box: str) -> tuple[list[str], tuple[object, ...]] | None:
        """The boxes of the branch that ends in `box`, and its shape; None where it is no plain chain."""
        chain: list[str] = []
        shape: list[object] = []
        while True:
            node = by_id[box]
            chain.append(box)
            shape.append((node.kind, "" if node.kind == "input" else node.label, node.domain))
            before = feeds.get(box, [])
            if not before:
                return chain, tuple(shape)
            if len(before) > 1 or len(into[before[0]]) > 1:
                return None
            box = before[0]

    for sources in feeds.values():
        groups: dict[tuple[object, ...], list[list[str]]] = {}
        for source in dict.fromkeys(sources):
            found = branch(source) if len(into[source]) == 1 else None
            if found is not None:
                groups.setdefault(found[1], []).append(found[0])
        for chains in groups.values():
            if len(chains) > 2:
                plan = _fold(plan, chains)
    return plan


def _fold(plan: Plan, chains: list[list[str]]) -> Plan:
    """The first of the chains stands for all."""
    gone = {box for chain in chains[1:] for box in chain}
    last = chains[0][-1]
    nodes = [
        node.model_copy(update={"label": f"{len(chains)} files: {node.label}, ..."}) if node.id == last else node
        for node in plan.nodes
        if node.id not in gone
    ]
    links = [link for link in plan.links if link.source not in gone and link.target not in gone]
    return plan.model_copy(update={"nodes": tuple(nodes), "links": tuple(links)})
