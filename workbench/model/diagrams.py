"""A model as a Mermaid diagram, which Markdown pages draw, and as a graph of NetworkX."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from workbench.model.context import modelcontext
from workbench.model.drawing import arrows, kind_of, plates_of, shown_variables, title_of
from workbench.tensor.tensor import Tensor

if TYPE_CHECKING:
    from workbench.model.model import Model

SHAPES = {"free": "rounded", "observed": "rounded", "marginalized": "rounded", "deterministic": "rect", "potential": "diam", "data": "db"}
FILLS = {"observed": "#757575", "potential": "#f0f0f0"}


def model_to_mermaid(model: Model | None = None, *, var_names: Iterable[str] | None = None, include_dim_lengths: bool = True) -> str:
    """Return a drawing of a model as text for Mermaid: variables in plates of their dims, arrows from parents.

    Parameters
    ----------
    model, var_names, include_dim_lengths
        As for :func:`.drawing.model_to_graphviz`.

    Raises
    ------
    ModelError
        If a name is none of the model's.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     mu = pm.Normal("mu")
    ...     y = pm.Normal("y", mu, observed=1.0)
    >>> print(pm.model_to_mermaid(model))
    graph TD
    %% Nodes:
    mu(["mu ~ Normal"])
    mu@{ shape: rounded }
    y(["y ~ Normal"])
    y@{ shape: rounded }
    style y fill:#757575
    <BLANKLINE>
    %% Edges:
    mu --> y
    """
    m = modelcontext(model)
    shown = shown_variables(m, var_names)
    ids = _ids(shown)
    lines = ["graph TD", "%% Nodes:"]
    for x in shown:
        kind = kind_of(m, x)
        lines += [f'{ids[x]}(["{_inert(f"{x.name} ~ {title_of(m, x)}")}"])', f"{ids[x]}@{{ shape: {SHAPES[kind]} }}"]
        if kind in FILLS:
            lines.append(f"style {ids[x]} fill:{FILLS[kind]}")
    lines += ["", "%% Edges:", *(f"{ids[a]} --> {ids[b]}" for a, b in arrows(m, shown))]
    plates = {label: those for label, those in plates_of(m, shown, include_dim_lengths).items() if label}
    if plates:
        lines += ["", "%% Plates:"]
        for label, those in plates.items():
            lines += [f'subgraph "{_inert(label)}"', *(f"    {ids[x]}" for x in those), "end"]
    return "\n".join(lines)


def model_to_networkx(model: Model | None = None, *, var_names: Iterable[str] | None = None, include_dim_lengths: bool = True) -> Any:
    """Return a model as a directed graph of NetworkX.

    Parameters
    ----------
    model, var_names, include_dim_lengths
        As for :func:`.drawing.model_to_graphviz`.

    Returns
    -------
    networkx.DiGraph
        Its nodes are names, with what they are (``kind``), their distribution (``title``) and plate (``cluster``).

    Raises
    ------
    ImportError
        If the package networkx is not installed.
    """
    try:
        networkx: Any = importlib.import_module("networkx")
    except ImportError:
        raise ImportError("a model as a graph of NetworkX needs the package networkx: install networkx, or take pm.model_to_graphviz") from None
    m = modelcontext(model)
    shown = shown_variables(m, var_names)
    made = networkx.DiGraph(name=m.name)
    for label, those in plates_of(m, shown, include_dim_lengths).items():
        for x in those:
            made.add_node(str(x.name), kind=kind_of(m, x), title=title_of(m, x), label=f"{x.name}\n~\n{title_of(m, x)}", cluster=label or None)
    made.add_edges_from((str(a.name), str(b.name)) for a, b in arrows(m, shown))
    return made


def _ids(shown: Iterable[Tensor]) -> dict[Tensor, str]:
    """Words that Mermaid takes for nodes, one for each variable."""
    found: dict[Tensor, str] = {}
    taken = {"end", "graph", "subgraph", "style", "default", "class", "click"}
    for x in shown:
        word = re.sub(r"\W", "_", str(x.name), flags=re.ASCII) or "_"
        while word in taken:
            word += "_"
        taken.add(word)
        found[x] = word
    return found


def _inert(text: str) -> str:
    """Text in which nothing is markup."""
    return "".join(c if c.isalnum() or c in " ~_()-.,:" else f"#{ord(c)};" for c in text)
