"""Functions of a model, compiled once for all lengths that its data may have.

The log-density, its gradient and the values of variables are derived, rewritten and compiled for what a model is, and kept with it:
data enter when the function is called, or bound. Where lengths must be known to derive or compile, it is done for those of now.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.compile import choose_backend, function, phases
from workbench.errors import CompileError
from workbench.graph.collecting import without_collecting
from workbench.graph.expr import Expr
from workbench.graph.inner import Graph
from workbench.graph.length_names import calling
from workbench.model.shapes import has_open_lengths
from workbench.tensor.control.flow import Cond, While
from workbench.tensor.control.scan import Scan

if TYPE_CHECKING:
    from workbench.compile import CompiledFunction
    from workbench.model.model import Model

KEPT = 24
"""So many functions of a model are kept."""

GraphOf = Callable[["Model"], Graph]


class Moment(NamedTuple):
    """What a model at the shapes of one moment was taken from."""

    model: Model
    data: Mapping[Expr, Any]
    """Values of its data at that moment."""


LOOPS = frozenset({While.name, Scan.name, Cond.name})
"""What is called back whole where lengths arise within."""


class Made(NamedTuple):
    """What is for all lengths; or why there is none."""

    value: Any
    reason: str


class Functions:
    """The functions that have been made of one model, or of copies of it, by what they are made of."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[Any, ...], _Place] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> Any:
        # Where a model is read from a pickle, or copied, they are made again.
        return Functions, ()

    def get(self, model: Model, which: Hashable, make: Callable[[Model], Any]) -> Made:
        """Return what `make` makes of the model as it is, for all lengths of its data: what it made before, if that is kept."""
        parts = _parts(model)
        key = (which, *(x if isinstance(x, (str, int)) else id(x) for x in parts))
        with self._lock:
            place = self._made.pop(key, None) or _Place(parts)
            self._made[key] = place
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        with place.lock:
            if place.made is None:
                place.made = _for_all_lengths(model, make)
            return place.made


class _Place:
    """Where one function is kept, with what it was made of: as long as that lives, no other has its identity."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts
        self.lock = threading.Lock()
        self.made: Made | None = None


def _parts(model: Model) -> list[Any]:
    """What functions of a model depend on."""
    found: list[Any] = []
    for rv in (*model.free_RVs, *model.observed_RVs, *model.marginalized_RVs):
        dims = model.named_vars_to_dims.get(str(rv.name), ())
        lengths = [None if d is None else model.dim_lengths[d] for d in dims]
        found += [rv, model.rvs_to_values[rv], model.rvs_to_transforms.get(rv), model.rvs_to_scalings.get(rv), *dims, *lengths]
    roles = [len(role) for role in (model.free_RVs, model.observed_RVs, model.potentials, model.deterministics, model.marginalized_RVs)]
    return [*found, *model.eliminations, *model.potentials, *model.deterministics, *roles, *model.named_vars, *model.named_vars.values()]


def _for_all_lengths(model: Model, make: Callable[[Model], Any]) -> Made:
    """The one place that decides whether a model is derived and compiled once for all lengths of its data."""
    try:
        return Made(make(model), "")
    except Exception as error:  # A density of someone's own may ask for numbers in any way: with these, it is made or has errors of its own.
        if not has_open_lengths(model):
            raise
        return Made(None, getattr(error, "message", f"{type(error).__name__}: {error}"))


def _dims_of_lengths(model: Model) -> dict[int, str]:
    """What a model's code calls the lengths that are numbers: the dims that have them."""
    found: dict[int, list[str]] = {}
    for dim, n in model.dim_lengths.items():
        if isinstance(n, int):
            found.setdefault(n, []).append(dim)
    return {n: " or ".join(dims) for n, dims in found.items()}


@without_collecting
def _compiled(model: Model, name: str, backend: str, graph_of: GraphOf) -> CompiledFunction:
    if backend == "jax" and has_open_lengths(model):
        raise CompileError("JAX compiles for lengths that are known")
    phases.begin("derive")
    start = time.perf_counter()
    graph = graph_of(model)
    derive = time.perf_counter() - start
    with calling(_dims_of_lengths(model)):
        made = function(graph.params, graph.results, backend=backend, name=name)
    made.timings = {"derive": derive, **made.timings}
    if not made.binds:
        raise CompileError("lengths follow from values of variables")
    if has_open_lengths(model) and not LOOPS.isdisjoint(made.fallbacks):
        # Where lengths are numbers, it is compiled.
        raise CompileError("lengths arise within a loop")
    return made


def function_of(model: Model, name: str, backend: str, graph_of: GraphOf, which: Hashable = None) -> CompiledFunction:
    """Return a function of a model: that of an earlier call, if it is kept.

    Parameters
    ----------
    model
        The model. New data of it are the function's from its next call on, in other lengths too; a model at the shapes
        of one moment (`at_current_shapes`, `with_own_data`) keeps those that it had then.
    name, backend
        What the function is called, and where it is computed.
    graph_of
        What makes the graph of a model, of open lengths too, or raises an error.
    which
        What tells functions of that name apart.
    """
    backend = choose_backend(backend)
    opened, data = model.taken_from or (model, None)
    made = opened.compiled_functions.get(opened, (name, backend, which), lambda m: _compiled(m, name, backend, graph_of)).value
    if made is None:
        return _compiled(model.at_current_shapes(), name, backend, graph_of)
    return made if data is None else made.bound(data)


def reason_for_one_length(model: Model, name: str, backend: str, graph_of: GraphOf, which: Hashable = None) -> str:
    """Say why a function is compiled anew for other lengths of data; nothing if it is not."""
    backend = choose_backend(backend)
    return model.compiled_functions.get(model, (name, backend, which), lambda m: _compiled(m, name, backend, graph_of)).reason
