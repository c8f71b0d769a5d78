"""How a kernel's lines fall into its loop nest: what both printers need to know."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.compile.loop_ir import loops as L

FOLD_SYMBOLS = {"add": "+", "multiply": "*", "logical_and": "&&", "logical_or": "||"}
"""Folds that may be reordered: a vector loop keeps several partial results."""

ROW_BLOCK = 256
"""Rows computed in a vector loop before their scattered sums are added one by one."""
SPLIT_COST = 40
"""Rows cheaper than this are computed and scattered in one plain loop."""


@dataclass
class Nest:
    """A kernel, its lines sorted by the loop they belong in (0 is outside all loops).

    `axes` are the axes with more than one index. `folds_outside` are the folds whose target does
    not move with the innermost loop, by level; `scattered` those whose targets may collide there.
    """

    kernel: L.Kernel
    axes: list[int]
    lines: list[list[L.Line]]
    level: dict[str, int]
    folds_outside: list[list[L.Fold]] = field(default_factory=list)
    folds_inside: list[L.Fold] = field(default_factory=list)
    scattered: list[L.Fold | L.Store] = field(default_factory=list)
    stores: list[L.Store] = field(default_factory=list)
    checked: bool = False

    @property
    def depth(self) -> int:
        return len(self.axes)

    @property
    def is_vector(self) -> bool:
        """Whether turns of the innermost loop may be done at once, scattered sums aside."""
        return not self.checked and all(f.op.name in FOLD_SYMBOLS for folds in self.folds_outside for f in folds)

    @property
    def is_split(self) -> bool:
        """Whether a vector loop pays for storing its rows' values for the scattered sums."""
        return bool(self.scattered) and sum(line.op.cost for line in self.lines[self.depth] if isinstance(line, L.Let)) > SPLIT_COST

    @property
    def saved(self) -> dict[str, str]:
        """Row values that the scattered sums need after the vector loop, with their dtypes."""
        dtypes = {line.name: "int64" if isinstance(line, L.Row) else line.dtype for line in self.lines[self.depth]}
        wanted: dict[str, str] = {}
        for e in self.scattered:
            names = L.index_variables(e.index) | ({e.value} if isinstance(e.value, str) else set())
            wanted.update({name: dtypes[name] for name in sorted(names) if name in dtypes})
        return wanted


def nest(kernel: L.Kernel) -> Nest:
    """Sort a kernel's lines, stores and folds into its loops."""
    axes = [a for a, n in enumerate(kernel.extents) if n != 1]
    depth = len(axes)
    level: dict[str, int] = {f"i{a}": k + 1 for k, a in enumerate(axes)}
    loop_variables = set(level)
    lines: list[list[L.Line]] = [[] for _ in range(depth + 1)]
    made = Nest(kernel, axes, lines, level)
    for line in kernel.lines:
        at = _line_level(line, level)
        level[line.name] = at
        lines[at].append(line)
        if isinstance(line, L.Row) and at == depth and depth:
            made.checked = True
    made.folds_outside = [[] for _ in range(depth + 1)]
    for f in kernel.folds:
        variables = L.index_variables(f.index)
        at = max((level.get(v, 0) for v in variables), default=0)
        if at < depth:
            made.folds_outside[at].append(f)
        elif depth and any(level.get(v, 0) == depth for v in variables - loop_variables):
            made.scattered.append(f)
        else:
            made.folds_inside.append(f)
    for s in kernel.stores:
        variables = L.index_variables(s.index)
        innermost = {v for v in variables if level.get(v, 0) == depth}
        (made.scattered if depth and innermost - loop_variables else made.stores).append(s)
    return made


def _line_level(line: L.Line, level: dict[str, int]) -> int:
    if isinstance(line, L.Let):
        return max((level.get(a, 0) for a in line.arguments if isinstance(a, str)), default=0)
    if isinstance(line, L.Row):
        return level.get(line.index, 0) if isinstance(line.index, str) else 0
    return max((level.get(v, 0) for v in L.index_variables(line.index)), default=0)
