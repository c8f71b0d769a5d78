"""`Model`: the variables, what is known of them, and what can be computed from them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.errors import ModelError
from workbench.graph.expr import Expr, Input, intern
from workbench.graph.inner import Graph
from workbench.graph.rewrite import Trace
from workbench.graph.traverse import replace
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import Transform

if TYPE_CHECKING:
    from workbench.compile import CompiledFunction
    from workbench.model.density import LogpDlogp, LogpGraph


class _Contexts(threading.local):
    def __init__(self) -> None:
        self.stack: list[Model] = []


_contexts = _Contexts()


def current_model() -> Model:
    """Return the model whose ``with`` block is open.

    Raises
    ------
    ModelError
        If there is none.
    """
    if not _contexts.stack:
        raise ModelError("there is no model here", "write it inside `with pm.Model():` or a %%model cell")
    return _contexts.stack[-1]


class Model:
    """A probabilistic model: random variables with names, dims and data.

    Parameters
    ----------
    coords
        Labels of each dim: ``{"county": [...], "obs": range(919)}``.

    Attributes
    ----------
    named_vars
        Every variable by name.
    free_RVs, observed_RVs, deterministics, potentials
        Variables by role, in order of creation.
    value_vars
        The unconstrained values of the free variables: inputs of the log-density.
    rvs_to_values, rvs_to_transforms
        Value (or observed data) and transform of each random variable.
    coords, named_vars_to_dims
        Labels of each dim, and the dims of each variable.
    backend
        Where the model is computed unless a call says otherwise; "auto" at first.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     mu = pm.Normal("mu", 0.0, 1.0)
    ...     y = pm.Normal("y", mu, 1.0, observed=[0.5, 1.5])
    >>> model.free_RVs
    [Normal(key, 0.0, 1.0)]
    >>> round(float(model.compile_logp(backend="numpy")({"mu": 1.0})), 4)
    -3.5068
    """

    def __init__(self, coords: Mapping[str, Sequence[Any]] | None = None) -> None:
        self.named_vars: dict[str, Tensor] = {}
        self.free_RVs: list[Tensor] = []
        self.observed_RVs: list[Tensor] = []
        self.deterministics: list[Tensor] = []
        self.potentials: list[Tensor] = []
        self.data_vars: list[Tensor] = []
        self.rvs_to_values: dict[Tensor, Tensor] = {}
        self.rvs_to_transforms: dict[Tensor, Transform | None] = {}
        self.initial_values: dict[Tensor, Any] = {}
        self.named_vars_to_dims: dict[str, tuple[str, ...]] = {}
        self.coords: dict[str, tuple[Any, ...]] = {}
        self.backend = "auto"
        for name, labels in (coords or {}).items():
            self.add_coord(name, labels)

    def __enter__(self) -> Model:
        _contexts.stack.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        _contexts.stack.pop()

    def add_coord(self, name: str, labels: Sequence[Any]) -> None:
        """Add a dim with its labels."""
        if isinstance(labels, (str, bytes)) or not hasattr(labels, "__len__"):
            raise ModelError(f"the coord {name!r} must be a sequence of labels, got {labels!r}")
        values = tuple(labels.tolist() if hasattr(labels, "tolist") else labels)
        if name in self.coords and self.coords[name] != values:
            raise ModelError(f"the dim {name!r} has coords already, and they differ")
        self.coords[name] = values

    def shape_of_dims(self, name: str, dims: Sequence[str]) -> tuple[int, ...]:
        """Return the lengths of dims.

        Raises
        ------
        ModelError
            If a dim is not known.
        """
        for d in dims:
            if d not in self.coords:
                known = ", ".join(self.coords) or "none"
                raise ModelError(f"{name}: there is no dim {d!r}", f"known dims: {known}; give Model(coords={{{d!r}: [...]}})")
        return tuple(len(self.coords[d]) for d in dims)

    def add_name(self, name: str, variable: Tensor, dims: Sequence[str] | None = None) -> None:
        """Give a variable its name in this model.

        Raises
        ------
        ModelError
            If the name is taken.
        """
        if name in self.named_vars:
            raise ModelError(f"the model has a variable {name!r} already", "names must be unique")
        variable.name = name
        self.named_vars[name] = variable
        if dims:
            self.named_vars_to_dims[name] = tuple(dims)

    def __getitem__(self, name: str) -> Tensor:
        try:
            return self.named_vars[name]
        except KeyError:
            raise KeyError(f"the model has no variable {name!r}; it has {', '.join(self.named_vars)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self.named_vars

    @property
    def basic_RVs(self) -> list[Tensor]:
        return [*self.free_RVs, *self.observed_RVs]

    @property
    def unobserved_RVs(self) -> list[Tensor]:
        return [*self.free_RVs, *self.deterministics]

    @property
    def value_vars(self) -> list[Tensor]:
        return [self.rvs_to_values[rv] for rv in self.free_RVs]

    def value_name(self, rv: Tensor) -> str:
        """Return the name of a free variable's value: ``sigma_log__`` for ``sigma``."""
        transform = self.rvs_to_transforms[rv]
        return f"{rv.name}_{transform.name}__" if transform is not None else str(rv.name)

    def make_value(self, rv: Tensor, transform: Transform | None) -> None:
        """Give a free variable its unconstrained value, an input."""
        self.rvs_to_transforms[rv] = transform
        shape = rv.type.static_shape if transform is None else transform.value_shape(rv.type.static_shape)
        value: Tensor = intern(Input(self.value_name(rv), rv.type.with_shape(shape)))
        value.name = self.value_name(rv)
        self.rvs_to_values[rv] = value

    # Graphs ------------------------------------------------------------------------------------

    def density(self, jacobian: bool = True) -> LogpGraph:
        """Return the log-density as a graph over the value variables, with how it was derived."""
        from workbench.model.density import LogpGraph

        return LogpGraph(self, jacobian)

    def logp(self, jacobian: bool = True, sum: bool = True) -> Any:
        """Return the log-density as an expression of `value_vars` (one per variable if not `sum`)."""
        density = self.density(jacobian)
        return density.total if sum else list(density.terms.values())

    def compile_logp(self, jacobian: bool = True, backend: str | None = None) -> Any:
        """Return the log-density as a compiled function of a point (a dict by value name)."""
        from workbench.compile import function

        run = function(self.value_vars, self.logp(jacobian), backend=backend or self.backend, name="logp")
        names = [self.value_name(rv) for rv in self.free_RVs]
        return lambda point: run(*_values(point, names))

    def logp_dlogp_function(self, backend: str | None = None) -> LogpDlogp:
        """Return the log-density and its gradient as a compiled function of the flat vector."""
        from workbench.model.density import LogpDlogp

        return LogpDlogp(self, backend or self.backend)

    def logp_grad_graph(self, trace: Trace | None = None) -> Graph:
        """Return the graph from the flat unconstrained vector to the log-density and its gradient."""
        from workbench.model.density import logp_grad_graph

        return logp_grad_graph(self, trace)

    def constrained_graph(self) -> Graph:
        """Return the graph from the flat unconstrained vector to free variables and deterministics."""
        from workbench.model.density import constrained_graph

        return constrained_graph(self)

    def trace(self) -> Trace:
        """Return every step from the model to the optimised log-density and gradient."""
        from workbench.rewrites import default_mode

        trace = Trace()
        graph = self.logp_grad_graph(trace)
        _, optimised = default_mode().run(graph.results)
        trace.passes += optimised.passes
        return trace

    # Points ------------------------------------------------------------------------------------

    def initial_point(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the start of sampling: every variable at its support point, unconstrained."""
        found: dict[Expr, Tensor] = {}
        point: dict[str, np.ndarray[Any, Any]] = {}
        for rv in self.free_RVs:
            assert isinstance(rv.op, Draw)
            given = self.initial_values.get(rv)
            start = rv.op.distribution.support_point(*rv.inputs[1:]) if given is None else pt.as_tensor(given)
            (at,) = replace([pt.broadcast_to(pt.cast(start, rv.dtype), rv.type.shape)], found)
            found[rv] = at
            transform = self.rvs_to_transforms[rv]
            if transform is not None:
                (at,) = replace([transform.forward(found[rv], rv)], found)
            point[self.value_name(rv)] = at.eval()
        return point

    @property
    def flat_slices(self) -> dict[str, tuple[slice, tuple[int, ...]]]:
        """Where each value variable lies in the flat vector, and its shape."""
        found, at = {}, 0
        for value in self.value_vars:
            found[str(value.name)] = (slice(at, at + value.size), value.type.static_shape)
            at += value.size
        return found

    @property
    def flat_size(self) -> int:
        """Length of the flat unconstrained vector."""
        return sum(value.size for value in self.value_vars)

    def flatten(self, point: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        """Return a point as the flat unconstrained vector."""
        values = _values(point, list(self.flat_slices))
        return np.concatenate([np.ravel(np.asarray(v, np.float64)) for v in values] or [np.empty(0)])

    def unflatten(self, q: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
        """Return the flat unconstrained vector as a point."""
        return {name: np.reshape(q[at], shape) for name, (at, shape) in self.flat_slices.items()}

    def point_logps(self, point: Mapping[str, Any] | None = None) -> dict[str, float]:
        """Return the log-density of each variable at a point, the initial one by default."""
        return {name: float(np.sum(v)) for name, v in self._terms(point).items()}

    def _terms(self, point: Mapping[str, Any] | None) -> dict[str, np.ndarray[Any, Any]]:
        from workbench.compile import function

        terms = self.density().elementwise
        run: CompiledFunction = function(self.value_vars, list(terms.values()), backend="numpy", name="point_logps")
        values = run(*_values(point or self.initial_point(), [self.value_name(rv) for rv in self.free_RVs]))
        return dict(zip(terms, values))

    def debug(self, point: Mapping[str, Any] | None = None) -> str:
        """Say which term of the log-density is not finite at a point, where, and with which parameters."""
        from workbench.model.density import explain

        bad = {name: v for name, v in self._terms(point).items() if not np.isfinite(v).all()}
        if not bad:
            return "every term of the log-density is finite"
        return "\n".join(explain(self, name, value, point or self.initial_point()) for name, value in bad.items())

    # Text --------------------------------------------------------------------------------------

    def __str__(self) -> str:
        lines = []
        for rv in (*self.free_RVs, *self.observed_RVs):
            dims = self.named_vars_to_dims.get(str(rv.name))
            mark = " (observed)" if any(rv is o for o in self.observed_RVs) else ""
            shape = f"[{', '.join(dims)}]" if dims else ""
            shown = ", ".join(p.name or repr(p) for p in rv.inputs[1:])
            lines.append(f"{rv.name}{shape} ~ {rv.op.name}({shown}){mark}")
        for x in self.deterministics:
            lines.append(f"{x.name} = Deterministic({x!r})")
        return "\n".join(lines) or "an empty model"

    def __repr__(self) -> str:
        return f"<Model: {', '.join(self.named_vars) or 'empty'}>"


def _values(point: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    missing = [n for n in names if n not in point]
    if missing:
        raise ModelError(f"the point has no value for {', '.join(missing)}", f"a point has {', '.join(names)}")
    return [np.asarray(point[n]) for n in names]
