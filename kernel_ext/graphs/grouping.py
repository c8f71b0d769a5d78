"""Groups of a drawing's nodes: what is drawn as one box until someone opens it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workbench.graph import Expr
from workbench.graph.provenance import Purpose

FOLDED = 12
"""Most nodes of one formula."""
SMALL = 24
"""Graphs of so many nodes are drawn with their formulas open."""
ALIKE = 8
"""So many variables alike are a group, in models of more than `CROWD` variables."""
CROWD = 150


class Group(NamedTuple):
    """Nodes that are one box while the group is closed, and in a frame while it is open.

    Attributes
    ----------
    kind
        "plate", "term", "loop", "repeat", or "formula": a node and what is computed for it alone.
    head
        The number of the node that a closed formula is drawn as.
    """

    label: str
    said: str = ""
    kind: str = "term"
    parent: int = -1
    open: bool = False
    head: int | None = None

    def message(self) -> dict[str, Any]:
        """Return what the widgets are told."""
        return {k: v for k, v in self._asdict().items() if v is not None}


def repeats(names: Sequence[str], said: Sequence[str], likeness: Sequence[Any], plates: Sequence[int], groups: list[Group]) -> list[int]:
    """Return the group of each variable: its plate, or in a crowd that of variables alike, which are added to the groups.

    Parameters
    ----------
    names, said, plates
        What variables are called, what is said of them, and their plates.
    likeness
        Equal for variables that are alike.
    """
    found = list(plates)
    if len(names) <= CROWD:
        return found
    alike: dict[Any, list[int]] = {}
    for i, how in enumerate(likeness):
        alike.setdefault((how, plates[i]), []).append(i)
    for members in alike.values():
        if len(members) < ALIKE:
            continue
        same = len({said[i] for i in members}) == 1
        label = f"{names[members[0]]} … {names[members[-1]]}"
        groups.append(Group(label, f"{said[members[0]]}{'' if same else ' …'} × {len(members):,}", "repeat", plates[members[0]]))
        for i in members:
            found[i] = len(groups) - 1
    return found


WHOLES = {
    "value": "values", "values": "values", "sum": "log-density", "guard": "log-density", "gradient to": "gradient", "shared gradient": "gradient",
    "gradients": "gradient", "change of variables": "", "loop body": "",
}  # fmt: skip
"""Parts of these kinds lie within a larger one, of this name."""
PLURALS = {"prior": "priors", "density": "densities", "potential": "potentials", "expression": "expressions", "shared": "shared parts"}
SAID = 80
"""Most characters of what is said below a group's name."""
MANY = 12
"""More parts of one kind than this lie within one."""


def by_purpose(nodes: Sequence[Expr], purpose: Mapping[Expr, Purpose], said: Mapping[Purpose, str], groups: list[Group]) -> list[int]:
    """Return the group of each node by what it is for, and add these groups: terms, and within larger ones what is derived of them."""
    parts = list(dict.fromkeys(purpose[n] for n in nodes if n in purpose))
    kinds = Counter(p.kind for p in parts)
    number: dict[Any, int] = {}

    def whole(label: str, about: str) -> int:
        if label not in number:
            number[label] = len(groups)
            groups.append(Group(label, about, "term"))
        return number[label]

    def of(p: Purpose) -> int:
        if p in number:
            return number[p]
        parent = -1
        if WHOLES.get(p.kind):
            parent = whole(WHOLES[p.kind], said.get(Purpose(WHOLES[p.kind]), ""))
        elif p.kind == "change of variables" and (prior := Purpose("prior", p.names)) in parts:
            parent = of(prior)
        elif kinds[p.kind] > MANY:
            parent = whole(f"{kinds[p.kind]:,} {PLURALS.get(p.kind, 'parts')}", f"of {', '.join(', '.join(q.names) for q in parts if q.kind == p.kind)}"[:SAID])
        if p.kind in ("values", "sum", "gradients"):
            # The rest of a whole lies in it directly.
            number[p] = parent
            return parent
        number[p] = len(groups)
        groups.append(Group(str(p), said.get(p, ""), "loop" if p.kind == "loop body" else "term", parent))
        return number[p]

    found = [of(purpose[n]) if n in purpose else -1 for n in nodes]
    sizes = Counter(found)
    inner = {g.parent for g in groups}
    # One node needs no box around it, but for one that says more than the node.
    return [groups[g].parent if g >= 0 and sizes[g] == 1 and g not in inner and not groups[g].said else g for g in found]


def folded(nodes: Sequence[Expr], roots: Sequence[Expr], group: Sequence[int], keys: Sequence[int], labels: Sequence[str], groups: list[Group]) -> list[int]:
    """Return groups with formulas folded: a node that is computed for one other alone, within a group, is drawn in that one's formula."""
    at = {n: i for i, n in enumerate(nodes)}
    users: dict[Expr, list[Expr]] = {}
    for n in nodes:
        for x in dict.fromkeys(n.inputs):
            users.setdefault(x, []).append(n)
    kept = set(roots)
    head: dict[Expr, Expr] = {}
    size: dict[Expr, int] = {}
    for n in reversed(nodes):
        using = users.get(n, [])
        into = head[using[0]] if len(using) == 1 and using[0] in head else None
        foldable = bool(n.inputs) and not n.name and n not in kept and not n.op.graphs
        if into is not None and foldable and group[at[n]] == group[at[into]] and size[into] < FOLDED and not into.op.graphs:
            head[n] = into
            size[into] += 1
        else:
            head[n], size[n] = n, 1
    number: dict[Expr, int] = {}
    found = list(group)
    for n in nodes:
        h = head[n]
        if size[h] < 2:
            continue
        if h not in number:
            number[h] = len(groups)
            groups.append(Group(labels[at[h]], "", "formula", group[at[h]], len(nodes) <= SMALL, keys[at[h]]))
        found[at[n]] = number[h]
    return found
