"""A model drawn as a directed graph: variables in plates of their dims, arrows from parents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.distributions.distribution import Draw, parameters_of
from workbench.errors import ModelError
from workbench.graph.expr import Expr
from workbench.graph.traverse import topological
from workbench.model.context import modelcontext
from workbench.tensor.shape import BroadcastTo
from workbench.tensor.tensor import Tensor

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.model.model import Model

STYLES: dict[str, dict[str, str]] = {
    "free": {"shape": "ellipse"},
    "observed": {"shape": "ellipse", "style": "filled", "fillcolor": "lightgrey"},
    "marginalized": {"shape": "ellipse", "style": "dashed"},
    "deterministic": {"shape": "box"},
    "potential": {"shape": "octagon", "style": "filled", "fillcolor": "lightgrey"},
    "data": {"shape": "box", "style": "rounded, filled", "fillcolor": "lightgrey"},
}
"""How each kind of variable is drawn."""


def kind_of(model: Model, x: Tensor) -> str:
    """Return what a variable is in its model: a key of `STYLES`; "expression" for a named part of one."""
    if model.named_vars.get(str(x.name)) is not x:
        return "expression"
    roles = {
        "free": model.free_RVs, "observed": model.observed_RVs, "marginalized": model.marginalized_RVs, "potential": model.potentials,
        "data": model.data_vars, "deterministic": model.deterministics,
    }  # fmt: skip
    return next((kind for kind, those in roles.items() if any(x is y for y in those)), "deterministic")


def parents(model: Model, x: Tensor, known: Collection[Tensor] | None = None) -> list[Tensor]:
    """Return the named variables that a variable is made of, directly; not those that a draw has its shape from.

    Parameters
    ----------
    model, x
        The model and the variable.
    known
        What is drawn, if that is more than the model's variables.
    """
    named = set(model.named_vars.values()) if known is None else known
    found: dict[Tensor, None] = {}
    seen: set[Expr] = {x}
    drawn = isinstance(x.op, Draw)
    pending: list[Any] = list(reversed(x.inputs))
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in named:
            found[node] = None
        elif drawn and isinstance(node.op, BroadcastTo):
            pending.append(node.inputs[0])
        else:
            pending += list(reversed(node.inputs))
    return list(found)


def named_expressions(model: Model) -> list[Tensor]:
    """Return the parts of a model's variables that have names but are no variables, as a ``%%model`` cell makes them."""
    variables = list(model.named_vars.values())
    named = set(variables)
    return [n for n in topological(variables) if n.name and n.inputs and n not in named and not isinstance(n.op, Draw)]  # type: ignore[misc]


def plate_of(model: Model, x: Tensor, lengths: bool = True) -> str:
    """Return the label of the plate of a variable: its dims and their lengths, empty for a scalar."""
    shape = model.shapes.of(x)
    dims: Sequence[str | None] = model.named_vars_to_dims.get(str(x.name), ())
    parts = []
    for axis, n in enumerate(shape):
        d = dims[axis] if axis < len(dims) else None
        known = str(n)
        parts.append(known if d is None else f"{d} ({known})" if lengths else str(d))
    return " x ".join(parts)


def model_to_graphviz(
    model: Model | None = None,
    *,
    var_names: Iterable[str] | None = None,
    formatting: str = "plain",
    save: str | Path | None = None,
    figsize: tuple[int, int] | None = None,
    dpi: int = 300,
    node_formatters: Mapping[str, Any] | None = None,
    graph_attr: Mapping[str, Any] | None = None,
    include_dim_lengths: bool = True,
) -> Any:
    """Return a drawing of a model: variables in plates of their dims, arrows from parents.

    Parameters
    ----------
    model
        The model; that of the surrounding block by default.
    var_names
        Show these variables and those they depend on; all by default.
    formatting
        "plain", or "plain_with_params" to show parameters too.
    save
        A file to draw into; its ending says the format.
    figsize, dpi
        Size in inches and dots per inch of a saved picture.
    node_formatters
        Functions from a variable to attributes of its node, by kind: a key of `STYLES`.
    graph_attr
        Attributes of the whole graph.
    include_dim_lengths
        Whether plates show the lengths of their dims.

    Returns
    -------
    graphviz.Digraph
        Its `source` is text in the DOT language. A notebook shows it as a picture where Graphviz's
        program ``dot`` is installed.

    Raises
    ------
    ImportError
        If the package graphviz is not installed.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model(coords={"group": ["a", "b"]}) as model:
    ...     mu = pm.Normal("mu")
    ...     x = pm.Normal("x", mu, 1.0, dims="group")
    >>> "mu -> x" in pm.model_to_graphviz(model).source
    True
    """
    m = modelcontext(model)
    shown = shown_variables(m, var_names)
    drawing = _digraph(m.name or "model", dict(graph_attr or {}))
    if figsize is not None:
        drawing.attr(size=f"{figsize[0]},{figsize[1]}!")
    for label, variables in plates_of(m, shown, include_dim_lengths).items():
        if not label:
            for x in variables:
                _node(drawing, m, x, formatting, node_formatters)
            continue
        with drawing.subgraph(name=f"cluster{label}") as plate:
            plate.attr(label=label, labeljust="r", labelloc="b", style="rounded")
            for x in variables:
                _node(plate, m, x, formatting, node_formatters)
    for parent, x in arrows(m, shown):
        drawing.edge(_id(parent), _id(x))
    if save is not None:
        from pathlib import Path

        path = Path(save)
        drawing.attr(dpi=str(dpi))
        drawing.render(outfile=str(path), format=path.suffix[1:] or "png", cleanup=True)
    return drawing


def drawn_parents(model: Model, x: Tensor, known: Collection[Tensor] | None = None) -> list[Tensor]:
    """Return what arrows to a variable come from: its :func:`parents`, and the data that were observed of it."""
    found = parents(model, x, known)
    value = model.rvs_to_values.get(x)
    # Data point to the variable that they are values of, unless it depends on them anyway.
    if value is not None and any(x is y for y in model.observed_RVs):
        found += [p for p in ([value] if value.name in model.named_vars else parents(model, value)) if p not in set(found)]
    return found


def plates_of(model: Model, shown: Sequence[Tensor], lengths: bool = True) -> dict[str, list[Tensor]]:
    """Return variables by the label of their plate."""
    found: dict[str, list[Tensor]] = {}
    for x in shown:
        found.setdefault(plate_of(model, x, lengths), []).append(x)
    return found


def arrows(model: Model, shown: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Return the arrows between variables: where from, and to."""
    kept = set(shown)
    return [(parent, x) for x in shown for parent in drawn_parents(model, x) if parent in kept]


def shown_variables(model: Model, var_names: Iterable[str] | None) -> list[Tensor]:
    """Return all variables, or those named with what they depend on.

    Raises
    ------
    ModelError
        If one is none of the model's.
    """
    everything = list(model.named_vars.values())
    if var_names is None:
        return everything
    names = [var_names] if isinstance(var_names, str) else list(var_names)
    unknown = [n for n in names if n not in model]
    if unknown:
        raise ModelError(f"the model has no variable {', '.join(map(repr, unknown))}")
    wanted: set[Tensor] = set()
    pending = [model[n] for n in names]
    while pending:
        x = pending.pop()
        if x not in wanted:
            wanted.add(x)
            pending += drawn_parents(model, x)
    return [x for x in everything if x in wanted]


def title_of(model: Model, x: Tensor) -> str:
    """Return what a variable is called: its distribution, or its kind."""
    kind = kind_of(model, x)
    return str(x.op.name) if isinstance(x.op, Draw) else dict.fromkeys(("free", "observed", "marginalized"), "Derived").get(kind, kind.title())


def _id(x: Tensor) -> str:
    # Graphviz takes what follows a colon for a port.
    return str(x.name).replace(":", "&")


def _node(drawing: Any, model: Model, x: Tensor, formatting: str, formatters: Mapping[str, Any] | None) -> None:
    kind, title = kind_of(model, x), title_of(model, x)
    if isinstance(x.op, Draw) and "params" in formatting:
        title += f"({', '.join(p.name or repr(p) for p in parameters_of(x))})"
    attributes = {**STYLES[kind], "label": f"{x.name}\n~\n{title}"}
    if formatters and kind in formatters:
        attributes.update({k: str(v) for k, v in formatters[kind](x).items()})
    drawing.node(_id(x), **attributes)


def _digraph(name: str, attributes: dict[str, Any]) -> Any:
    try:
        import graphviz
    except ImportError:
        raise ImportError("drawing a model needs the Python package graphviz: install graphviz") from None

    class Drawing(graphviz.Digraph):  # type: ignore[misc]
        """A graph that shows its text where the program `dot` is missing."""

        def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **options: Any) -> Any:
            try:
                return super()._repr_mimebundle_(include, exclude, **options)
            except graphviz.ExecutableNotFound:
                return {"text/plain": self.source}

    return Drawing(name, graph_attr={k: str(v) for k, v in attributes.items()})
