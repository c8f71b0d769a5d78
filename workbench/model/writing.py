"""A model as text, one line a variable, and as LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.distributions.distribution import Draw, parameters_of
from workbench.graph.expr import Constant, Expr
from workbench.graph.formulas import formula
from workbench.graph.printing import constant_text
from workbench.model.drawing import kind_of, named_expressions
from workbench.tensor.shape import BroadcastTo
from workbench.tensor.tensor import Tensor

if TYPE_CHECKING:
    from workbench.model.model import Model


DERIVED = {"deterministic": "Deterministic", "potential": "Potential"}
"""What is computed from random variables, by kind."""
REMARKS = {"observed": " (observed)", "marginalized": " (marginalized)"}
"""What is said of random variables, by kind."""


def as_text(model: Model, include_params: bool = True) -> str:
    """Return a model as text, one line a variable."""
    lines = []
    for x in _in_reading_order(model):
        kind = kind_of(model, x)
        if kind == "expression":
            lines.append(f"{x.name} = {formula(x)}")
            continue
        if kind in DERIVED:
            lines.append(f"{x.name} = {DERIVED[kind]}" + (f"({formula(x)})" if include_params else ""))
            continue
        dims = [str(d) for d in model.named_vars_to_dims.get(str(x.name), ())]
        shape = f"[{', '.join(dims)}]" if dims else ""
        shown = f"({', '.join(_parameters(x))})" if include_params else ""
        lines.append(f"{x.name}{shape} ~ {_title(x)}{shown}" + REMARKS.get(kind, ""))
    return "\n".join(lines) or "an empty model"


def _in_reading_order(model: Model) -> list[Tensor]:
    """What is unknown, what is computed from it, what is observed."""
    computed = [*named_expressions(model), *model.deterministics, *model.recovered_deterministics]
    return [*model.free_RVs, *model.marginalized_RVs, *computed, *model.observed_RVs, *model.potentials]


def _title(rv: Tensor) -> str:
    return str(rv.op.name) if isinstance(rv.op, Draw) else "derived"


def _parameters(rv: Tensor) -> list[str]:
    if not isinstance(rv.op, Draw):
        return [formula(rv)]
    return [p.name or formula(p) for p in map(as_given, parameters_of(rv))]


def as_given(parameter: Expr) -> Expr:
    """A parameter before it was spread over the variable's shape."""
    return parameter.inputs[0] if isinstance(parameter.op, BroadcastTo) and not parameter.name else parameter


def as_latex(model: Model, include_params: bool = True) -> str:
    """Return a model as LaTeX: an array of "variable ~ distribution"."""
    rows = []
    for x in _in_reading_order(model):
        kind = kind_of(model, x)
        if kind == "expression":
            rows.append(rf"{_name(str(x.name))} &= & {_function_of(x)}")
            continue
        drawn = isinstance(x.op, Draw) and kind not in DERIVED
        arguments = r",~".join(_latex(as_given(p)) for p in parameters_of(x)) if drawn else _function_of(x)
        title = _escape(DERIVED.get(kind) or _title(x))
        rows.append(rf"{_name(str(x.name))} &\sim & \operatorname{{{title}}}" + (f"({arguments})" if include_params else ""))
    if not rows:
        return ""
    return "$$\n\\begin{array}{rcl}\n" + " \\\\\n".join(rows) + "\n\\end{array}\n$$"


def _name(name: str) -> str:
    return rf"\text{{{_escape(name)}}}"


def _escape(text: str) -> str:
    for symbol in ("\\", "{", "}", "_", "$", "%", "&", "#"):
        text = text.replace(symbol, "\\textbackslash " if symbol == "\\" else f"\\{symbol}")
    return text


def _latex(x: Expr) -> str:
    if x.name:
        return _name(x.name)
    if isinstance(x.op, Constant):
        value = x.op.value
        if value.ndim == 0:
            number = float(value)
            if not np.isfinite(number):
                return r"\infty" if number > 0 else r"-\infty" if number < 0 else r"\text{NaN}"
            return f"{number:.6g}"
        return rf"\text{{{_escape(constant_text(value))}}}"
    return _function_of(x)


def _function_of(x: Expr) -> str:
    """``f(a, b)`` of the named variables that an expression is made of."""
    names: dict[str, None] = {}
    seen = {x}
    pending = list(reversed(x.inputs))
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.name and node.name != "key":
            names[node.name] = None
        else:
            pending += list(reversed(node.inputs))
    return f"f({r',~'.join(_name(n) for n in names)})"
