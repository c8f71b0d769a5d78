"""What is said of a compiled function: its lengths, its forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.graph.lengths import symbols
from workbench.graph.traverse import topological

if TYPE_CHECKING:
    from workbench.compile.function import CompiledFunction


def explanation(f: CompiledFunction) -> str:
    """Return a text that says what is compiled: which lengths are arguments of the code, and how many forms there are."""
    params, forms = f.graph.params, f.compilations
    nodes = sum(1 for n in topological(f.graph.results) if n.inputs)
    open_lengths = dict.fromkeys(s.name for p in params for n in p.type.shape if not isinstance(n, int) for s in symbols(n))
    lines = [f"{f.name} on {f.backend}: {forms} form{'s' if forms != 1 else ''} of {nodes} operation{'s' if nodes != 1 else ''}"]
    lines += [f"  {p.name or f'input {i}'}: {p.type}" for i, p in enumerate(params)]
    if not open_lengths:
        lines.append("  all lengths are numbers")
    elif f._only is not None:
        lines.append(f"  lengths that are arguments of the code: {', '.join(open_lengths)}")
        for lengths, times in getattr(f._only, "gains", {}).items():
            lines.append(f"  compiled for {lengths} too, where that is {times:.1f} times faster")
    else:
        lines.append(f"  compiled for each tuple of shapes: {', '.join(open_lengths)} are numbers in each")
    return "\n".join(lines)
