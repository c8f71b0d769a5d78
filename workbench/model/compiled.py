"""Compiled functions of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.compile import function
from workbench.errors import ModelError, warn_user
from workbench.graph.expr import Expr
from workbench.graph.rewrite import Mode
from workbench.graph.traverse import ancestors, free_inputs
from workbench.model.points import values_of

if TYPE_CHECKING:
    from workbench.model.model import Model

MODES = {
    "NUMBA": "numba", "JAX": "jax", "C": "c", "C_VM": "c", "CVM": "c", "FAST_RUN": "auto", "FAST_COMPILE": "numpy",
    "PYTHON": "numpy", "PY": "numpy",
}  # fmt: skip
"""The backend that a mode of PyMC's names stands for."""


def _look_at_unused(roots: Sequence[Expr], inputs: Sequence[Expr], what_then: str) -> None:
    """Raise an error or warn if `roots` do not depend on some of the inputs."""
    if what_then not in ("ignore", "warn", "raise"):
        raise ModelError(f"on_unused_input={what_then!r}", 'choose "ignore", "warn" or "raise"')
    if what_then == "ignore":
        return
    needed = ancestors(roots)
    unused = ", ".join(str(x.name) for x in inputs if x not in needed)
    if not unused:
        return
    text = f"what is compiled does not depend on {unused}"
    if what_then == "raise":
        raise ModelError(text, 'leave the input out, or give on_unused_input="ignore"')
    warn_user(text)


class PointFunction:
    """A compiled function that takes a point: values by name, in any order, others ignored.

    Attributes
    ----------
    function
        The compiled function of values in order; `source`, `timings`, `trace` and `backend` are its
        own.
    names
        The values that it takes.
    """

    def __init__(
        self,
        model: Model,
        outs: Any,
        inputs: Sequence[Expr] | None = None,
        point_fn: bool = True,
        *,
        backend: str | None = None,
        mode: Mode | str | None = None,
        on_unused_input: str = "ignore",
        **options: Any,
    ) -> None:
        roots = [outs] if isinstance(outs, Expr) else list(outs)
        given = list(inputs) if inputs is not None else free_inputs(roots)
        _look_at_unused(roots, given, on_unused_input)
        if isinstance(mode, str):
            backend = backend or MODES.get(mode.upper(), mode.lower())
            mode = None
        wanted = outs if isinstance(outs, Expr) else roots
        self.function = function(given, wanted, backend=backend or str(model.backend), mode=mode, **options)
        self.names = [str(x.name) for x in given]
        self._point = point_fn

    @property
    def f(self) -> Any:
        return self.function

    def __call__(self, *values: Any, **named: Any) -> Any:
        if not self._point:
            return self.function(*values)
        point: Mapping[str, Any] = values[0] if values else named
        return self.function(*values_of(point, self.names))

    def __getattr__(self, name: str) -> Any:
        if "function" not in self.__dict__:
            # While it is read from a pickle.
            raise AttributeError(name)
        return getattr(self.__dict__["function"], name)
