"""`Model`: the variables, what is known of them, and what can be computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ModelError
from workbench.graph.expr import Data as DataOp
from workbench.graph.expr import Expr, Input, intern
from workbench.graph.inner import Graph
from workbench.graph.rewrite import Trace
from workbench.graph.traverse import topological
from workbench.graph.types import Shape
from workbench.model.context import UNSET, ModelType, current_model, modelcontext, open_models
from workbench.model.dims import Dims
from workbench.model.shapes import CurrentShapes
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import Transform

if TYPE_CHECKING:
    from workbench.model.compiled import PointFunction
    from workbench.model.density import LogpDlogp, LogpGraph
    from workbench.model.minibatch import TotalSize

Point = dict[str, np.ndarray[Any, Any]]
SEPARATOR = "::"


class Model(Dims, metaclass=ModelType):
    """A probabilistic model: random variables with names, dims and data.

    Parameters
    ----------
    name
        Put in front of the names of its variables: ``outer::x``. Models nest: a model made inside the
        block of another adds its variables to that too, as ``outer::inner::x``.
    coords
        Labels of each dim: ``{"county": [...], "obs": range(919)}``.
    model
        The model that this one is a part of; that of the surrounding block by default, ``None`` for
        none.

    Attributes
    ----------
    named_vars
        Every variable by its full name.
    free_RVs, observed_RVs, deterministics, potentials, data_vars
        Variables by role, in order of creation.
    value_vars
        The unconstrained values of the free variables: inputs of the log-density.
    rvs_to_values, rvs_to_transforms, rvs_to_initial_values
        Value (or observed data), transform and start of each random variable.
    rvs_to_scalings
        What the log-density of a variable that was given a `total_size` is multiplied by.
    coords, dim_lengths, named_vars_to_dims
        Labels and length of each dim, and the dims of each variable.
    interventions
        Names of the variables that :func:`workbench.do` has set.
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

    A part with a name of its own:

    >>> with pm.Model("outer") as outer:
    ...     with pm.Model("inner") as inner:
    ...         x = pm.HalfNormal("x")
    >>> list(outer.named_vars), outer.value_vars[0].name, inner["x"] is x
    (['outer::inner::x'], 'outer::inner::x_log__', True)
    """

    parent: Model | None
    backend: str

    def __init__(
        self, name: str = "", coords: Mapping[str, Sequence[Any] | None] | None = None, check_bounds: bool = True
    ) -> None:
        if not isinstance(name, str):
            raise ModelError(f"the name of a model is a string, not {name!r}", "coordinates are given as Model(coords=...)")
        self.name = _checked_name(name)
        self.named_vars: dict[str, Tensor] = {}
        self.free_RVs: list[Tensor] = []
        self.observed_RVs: list[Tensor] = []
        self.deterministics: list[Tensor] = []
        self.potentials: list[Tensor] = []
        self.data_vars: list[Tensor] = []
        self.rvs_to_values: dict[Tensor, Tensor] = {}
        self.rvs_to_transforms: dict[Tensor, Transform | None] = {}
        self.rvs_to_initial_values: dict[Tensor, Any] = {}
        self.rvs_to_scalings: dict[Tensor, Tensor] = {}
        self.interventions: set[str] = set()
        self.backend = "auto" if self.parent is None else self.parent.backend
        self.shapes = CurrentShapes()
        self.make_dims(self.parent)
        if not isinstance(coords or {}, Mapping):
            raise ModelError(f"coords are labels by name of dim, not {coords!r}", 'for example Model(coords={"county": [...]})')
        for dim, labels in (coords or {}).items():
            self.add_coord(dim, labels)

    def __enter__(self) -> Model:
        open_models().append(self)
        return self

    def __exit__(self, *error: object) -> None:
        open_models().pop()

    @classmethod
    def get_context(cls, error_if_none: bool = True) -> Model | None:
        """Return the model whose ``with`` block is open; ``None`` if there is none and that is no error."""
        return current_model() if error_if_none or open_models() else None

    def __getstate__(self) -> dict[str, Any]:
        # All nodes before what is made of them, so that pickle does not recurse.
        roots = [*self.named_vars.values(), *self.rvs_to_values.values(), *self.rvs_to_scalings.values()]
        return {"": topological(roots), **self.__dict__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: value for name, value in state.items() if name})

    def __deepcopy__(self, memo: Any) -> Model:
        from workbench.model.interventions import rebuilt

        own: dict[Expr, Expr] = {}
        for x in self.data_vars:
            if isinstance(x.op, DataOp):
                own[x] = intern(DataOp(x.op.label, [np.array(x.op.value)], x.op.type))
                own[x].name = x.name
        return rebuilt(self, own)

    # Names ---------------------------------------------------------------------------------------

    @property
    def root(self) -> Model:
        """The outermost model that this one is a part of, or itself."""
        return self if self.parent is None else self.parent.root

    @property
    def isroot(self) -> bool:
        return self.parent is None

    @property
    def lineage(self) -> list[Model]:
        """This model, and those it is a part of."""
        return [self] if self.parent is None else [self, *self.parent.lineage]

    @property
    def prefix(self) -> str:
        """What is put in front of names."""
        above = "" if self.parent is None else self.parent.prefix
        return SEPARATOR.join(part for part in (above, self.name) if part)

    def name_for(self, name: str) -> str:
        """Return the full name of a variable of this model."""
        name = _checked_name(name)
        prefix = self.prefix
        if not prefix or name.startswith(prefix + SEPARATOR):
            return name
        return f"{prefix}{SEPARATOR}{name}"

    def name_of(self, name: str) -> str:
        """Return a full name without this model's prefix."""
        return name.removeprefix(self.prefix + SEPARATOR) if self.prefix else name

    def check_new(self, name: str) -> str:
        """Return the full name of a new variable.

        Raises
        ------
        ModelError
            If the name is taken, or is none that results can have.
        """
        full = self.name_for(name)
        if not full:
            raise ModelError("the name of the variable is empty", "results are found by the names of variables")
        if full in self.root.named_vars:
            raise ModelError(f"the model has a variable {full!r} already", "names must be unique")
        if full.endswith("__") and any(full == value.name for value in self.root.value_vars):
            raise ModelError(f"{full!r} is the name of an unconstrained value of the model", "choose another name for the variable")
        return full

    def add_name(self, name: str, variable: Tensor, dims: Sequence[str | None] | None = None) -> None:
        """Give a variable its full name, in this model and those it is a part of.

        Raises
        ------
        ModelError
            If the name is taken.
        """
        full = self.check_new(name)
        if full in (dims or ()):
            raise ModelError(f"{full}: it has the name of its own dim", "results tell them apart by their names: give one of them another")
        variable.name = full
        for m in self.lineage:
            m.named_vars[full] = variable
            if dims:
                m.named_vars_to_dims[full] = tuple(dims)

    def __getitem__(self, name: str) -> Tensor:
        for full in (name, self.name_for(name)):
            if full in self.named_vars:
                return self.named_vars[full]
        raise KeyError(f"the model has no variable {name!r}; it has {', '.join(self.named_vars)}")

    def __getattr__(self, name: str) -> Tensor:
        named = self.__dict__.get("named_vars", {})
        full = "" if name.startswith("_") else self.name_for(name)
        if full in named:
            return named[full]
        raise AttributeError(f"a {type(self).__name__} has no attribute, and no variable, {name!r}")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.named_vars or self.name_for(name) in self.named_vars)

    # Variables by role ---------------------------------------------------------------------------

    def add_to(self, role: str, variable: Tensor) -> None:
        """Append a variable to a list of this model and those it is a part of."""
        for m in self.lineage:
            getattr(m, role).append(variable)

    @property
    def basic_RVs(self) -> list[Tensor]:
        """The random variables: free ones, then observed ones."""
        return [*self.free_RVs, *self.observed_RVs]

    @property
    def unobserved_RVs(self) -> list[Tensor]:
        """Free variables and deterministics."""
        return [*self.free_RVs, *self.deterministics]

    @property
    def values_to_rvs(self) -> dict[Tensor, Tensor]:
        """The random variable of each value."""
        return {value: rv for rv, value in self.rvs_to_values.items()}

    @property
    def value_vars(self) -> list[Tensor]:
        return [self.rvs_to_values[rv] for rv in self.free_RVs]

    @property
    def unobserved_value_vars(self) -> list[Tensor]:
        """Values of the free variables, unconstrained and in their own space, and deterministics given them."""
        constrained = [rv for rv in self.free_RVs if self.rvs_to_transforms[rv] is not None]
        return [*self.value_vars, *self.replace_rvs_by_values([*constrained, *self.deterministics])]

    @property
    def continuous_value_vars(self) -> list[Tensor]:
        return [v for v in self.value_vars if v.type.kind == "f"]

    @property
    def discrete_value_vars(self) -> list[Tensor]:
        return [v for v in self.value_vars if v.type.kind != "f"]

    @property
    def initial_values(self) -> dict[Tensor, Any]:
        return self.rvs_to_initial_values

    def value_name(self, rv: Tensor) -> str:
        """Return the name of a free variable's value: ``sigma_log__`` for ``sigma``."""
        transform = self.rvs_to_transforms[rv]
        return f"{rv.name}_{transform.name}__" if transform is not None else str(rv.name)

    def register_rv(
        self,
        rv: Tensor,
        name: str,
        *,
        observed: Any = None,
        dims: str | Sequence[str | None] | None = None,
        transform: Any = UNSET,
        default_transform: Any = UNSET,
        initval: Any = None,
        total_size: TotalSize = None,
    ) -> Tensor:
        """Make a random expression, such as ``Normal.dist(0, 1)`` or what is made of it, a variable of the model.

        Parameters
        ----------
        rv, name
            The expression, and what it is called.
        observed, dims, transform, default_transform, initval, total_size
            As for a distribution called in the block of a model.

        Examples
        --------
        >>> import workbench as pm
        >>> model = pm.Model()
        >>> x = model.register_rv(pm.math.exp(pm.Normal.dist(0.0, 1.0, shape=2)), "x", observed=[1.0, 2.0])
        >>> round(float(model.compile_logp(backend="numpy")({})), 4)
        -2.7713
        """
        from workbench.model.missing import observed_values
        from workbench.model.variables import names_of_dims, register_rv

        given = None if observed is None else observed_values(name, observed, rv.dtype)
        return register_rv(
            self, name, rv, dims=names_of_dims(name, dims), observed=given, initval=initval, transform=transform, default_transform=default_transform,
            total_size=total_size,
        )  # fmt: skip

    def make_value(self, rv: Tensor, transform: Transform | None) -> None:
        """Give a free variable its unconstrained value, an input."""
        if transform is not None and f"{rv.name}_{transform.name}__" in self.root.named_vars:
            raise ModelError(
                f"{rv.name}: its unconstrained value is called {rv.name}_{transform.name}__, as a variable of the model is",
                "choose another name for one of them",
            )
        for m in self.lineage:
            m.rvs_to_transforms[rv] = transform
        shape = self._value_shape(rv, transform)
        value: Tensor = intern(Input(self.value_name(rv), rv.type.with_shape(shape)))
        value.name = self.value_name(rv)
        for m in self.lineage:
            m.rvs_to_values[rv] = value

    def _value_shape(self, rv: Tensor, transform: Transform | None) -> Shape:
        if transform is None:
            return rv.type.shape
        now = self.shapes.of(rv)
        if None in now:
            return rv.type.shape
        shape = transform.value_shape(tuple(n or 0 for n in now))
        if len(shape) != rv.ndim:
            return shape
        # Of open length stays what is so.
        return tuple(None if n is None else k for n, k in zip(rv.type.shape, shape))

    def set_initval(self, rv: Tensor, initval: Any) -> None:
        """Set where sampling starts: a value in the variable's own space, "prior", or ``None`` for the support point."""
        for m in self.lineage:
            m.rvs_to_initial_values[rv] = initval

    def replace_rvs_by_values(self, graphs: Sequence[Tensor]) -> list[Tensor]:
        """Return expressions with every random variable replaced by its value, in its own space."""
        from workbench.model.density import values_for_variables

        return values_for_variables(self, graphs)[1]

    def at_current_shapes(self) -> Model:
        """Return the model with data of the shapes that they have now; itself, if no shape can change."""
        from workbench.model.interventions import at_current_shapes

        return at_current_shapes(self)

    def copy(self) -> Model:
        """Return a model of the same variables, to which others can be added."""
        from workbench.model.interventions import rebuilt

        return rebuilt(self, {})

    # Graphs --------------------------------------------------------------------------------------

    def density(self, jacobian: bool = True, vars: Any = None) -> LogpGraph:
        """Return the log-density as a graph over the value variables, with how it was derived."""
        from workbench.model.density import LogpGraph

        return LogpGraph(self, jacobian, vars)

    def logp(self, vars: Any = None, jacobian: bool = True, sum: bool = True) -> Any:
        """Return the log-density as an expression of `value_vars`.

        Parameters
        ----------
        vars
            Random variables and potentials, one or several: the terms to take; all by default.
        jacobian
            Whether the density is that of the unconstrained values.
        sum
            Add the terms up; if not, return a list of them, element by element.
        """
        density = self.density(jacobian, vars)
        return density.total if sum else list(density.elementwise.values())

    def dlogp(self, vars: Any = None, jacobian: bool = True) -> Tensor:
        """Return the gradient of the log-density, a vector.

        Parameters
        ----------
        vars
            Free variables by whose values to differentiate; all continuous ones by default.
        jacobian
            Whether the density is that of the unconstrained values.
        """
        from workbench.model.derivatives import dlogp

        return dlogp(self, vars, jacobian)

    def d2logp(self, vars: Any = None, jacobian: bool = True, negate_output: bool = True) -> Tensor:
        """Return the matrix of second derivatives of the log-density, negated unless `negate_output` is false."""
        from workbench.model.derivatives import d2logp

        return d2logp(self, vars, jacobian, negate_output)

    @property
    def varlogp(self) -> Tensor:
        """Log-density of the free variables."""
        return self.logp(self.free_RVs)  # type: ignore[no-any-return]

    @property
    def varlogp_nojac(self) -> Tensor:
        """Log-density of the free variables in their own space."""
        return self.logp(self.free_RVs, jacobian=False)  # type: ignore[no-any-return]

    @property
    def observedlogp(self) -> Tensor:
        """Log-density of the observed variables."""
        return self.logp(self.observed_RVs)  # type: ignore[no-any-return]

    @property
    def potentiallogp(self) -> Tensor:
        """Sum of the potentials."""
        return self.logp(self.potentials)  # type: ignore[no-any-return]

    @property
    def datalogp(self) -> Tensor:
        """Log-density of the observed variables, and the potentials."""
        return self.observedlogp + self.potentiallogp

    # Compiled ------------------------------------------------------------------------------------

    def compile_fn(
        self,
        outs: Any,
        *,
        inputs: Sequence[Tensor] | None = None,
        point_fn: bool = True,
        on_unused_input: str = "ignore",
        **options: Any,
    ) -> PointFunction:
        """Compile expressions over the value variables.

        Parameters
        ----------
        outs
            One expression, or several.
        inputs
            The inputs, in order; those that are needed by default.
        point_fn
            Whether the function takes a point (a dict by name) rather than values in order.
        on_unused_input
            "raise" or "warn" where no expression needs an input; "ignore" by default.
        options
            ``backend="c"`` and the other options of :func:`workbench.function`.
        """
        from workbench.model.compiled import PointFunction

        return PointFunction(self, outs, inputs, point_fn, on_unused_input=on_unused_input, **options)

    def compile_logp(self, vars: Any = None, jacobian: bool = True, sum: bool = True, **options: Any) -> PointFunction:
        """Return the log-density as a compiled function of a point (a dict by value name)."""
        return self.compile_fn(self.logp(vars, jacobian, sum), inputs=self.value_vars, **{"name": "logp", **options})

    def compile_dlogp(self, vars: Any = None, jacobian: bool = True, **options: Any) -> PointFunction:
        """Return the gradient of the log-density as a compiled function of a point."""
        return self.compile_fn(self.dlogp(vars, jacobian), inputs=self.value_vars, **{"name": "dlogp", **options})

    def compile_d2logp(
        self, vars: Any = None, jacobian: bool = True, negate_output: bool = True, **options: Any
    ) -> PointFunction:
        """Return the second derivatives of the log-density as a compiled function of a point."""
        graph = self.d2logp(vars, jacobian, negate_output)
        return self.compile_fn(graph, inputs=self.value_vars, **{"name": "d2logp", **options})

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

    # Points --------------------------------------------------------------------------------------

    def initial_point(self, random_seed: int | None = None) -> Point:
        """Return the start of sampling by value name: every variable at its support point, unconstrained.

        Parameters
        ----------
        random_seed
            For variables that start at a draw from their prior (``initval="prior"``).
        """
        from workbench.model.points import initial_point

        return initial_point(self, random_seed)

    @property
    def flat_slices(self) -> dict[str, tuple[slice, tuple[int, ...]]]:
        """Where each value variable lies in the flat vector, and its shape."""
        found, at = {}, 0
        for value in self.at_current_shapes().value_vars:
            found[str(value.name)] = (slice(at, at + value.size), value.type.static_shape)
            at += value.size
        return found

    @property
    def flat_size(self) -> int:
        """Length of the flat unconstrained vector."""
        return sum(value.size for value in self.at_current_shapes().value_vars)

    def flatten(self, point: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        """Return a point as the flat unconstrained vector."""
        from workbench.model.points import values_of

        values = values_of(point, list(self.flat_slices))
        return np.concatenate([np.ravel(np.asarray(v, np.float64)) for v in values] or [np.empty(0)])

    def unflatten(self, q: np.ndarray[Any, Any]) -> Point:
        """Return the flat unconstrained vector as a point."""
        return {name: np.reshape(q[at], shape) for name, (at, shape) in self.flat_slices.items()}

    def eval_rv_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all values, by name: constrained and unconstrained."""
        found: dict[str, tuple[int, ...]] = {}
        now = self.at_current_shapes()
        for rv in now.free_RVs:
            found[now.value_name(rv)] = now.rvs_to_values[rv].type.static_shape
            found[str(rv.name)] = rv.type.static_shape
        return found

    def point_logps(self, point: Mapping[str, Any] | None = None, round_vals: int | None = None) -> dict[str, float]:
        """Return the log-density of each variable at a point, the initial one by default."""
        terms = {name: float(np.sum(v)) for name, v in self._terms(point).items()}
        return terms if round_vals is None else {name: round(v, round_vals) for name, v in terms.items()}

    def _terms(self, point: Mapping[str, Any] | None) -> Point:
        from workbench.model.points import values_of

        elementwise = self.density().elementwise
        given = values_of(point or self.initial_point(), [self.value_name(rv) for rv in self.free_RVs])
        run = self.compile_fn(list(elementwise.values()), inputs=self.value_vars, point_fn=False, backend="numpy")
        return dict(zip(elementwise, run(*given)))

    def check_start_vals(self, start: Mapping[str, Any]) -> None:
        """Raise an error that says what is wrong if the log-density of a start point is not finite.

        Raises
        ------
        SamplingError
            If a term is not finite; KeyError if a name is not that of a value.
        """
        from workbench.errors import SamplingError

        unknown = set(start) - {self.value_name(rv) for rv in self.free_RVs}
        if unknown:
            raise KeyError(f"{', '.join(sorted(unknown))}: no values of the model; it has {', '.join(str(v.name) for v in self.value_vars)}")
        if not all(np.isfinite(v) for v in self.point_logps(start).values()):
            from workbench.model.inspection import report

            raise SamplingError(f"the start is impossible:\n{report(self, start)}")

    def debug(self, point: Mapping[str, Any] | None = None, fn: str = "logp", verbose: bool = False) -> None:
        """Print which term is not finite at a point, at which index, and with which parameters.

        Parameters
        ----------
        point
            By value name; the initial point by default.
        fn
            "logp" for the log-density, "dlogp" for its gradient, "random" for draws.
        verbose
            Show the expressions of the parameters too.
        """
        from workbench.model.inspection import report

        print(report(self, point, fn, verbose))

    # Text ----------------------------------------------------------------------------------------

    def to_graphviz(self, **options: Any) -> Any:
        """Return a drawing of the model; see :func:`workbench.model_to_graphviz`."""
        from workbench.model.drawing import model_to_graphviz

        return model_to_graphviz(self, **options)

    def str_repr(self, formatting: str = "plain", include_params: bool = True) -> str:
        """Return the model as text: one line a variable; or as LaTeX."""
        from workbench.model.writing import as_latex, as_text

        return as_latex(self, include_params) if "latex" in formatting else as_text(self, include_params)

    def _repr_latex_(self, *, formatting: str = "latex", **options: Any) -> str:
        return self.str_repr(formatting, **options)

    def __str__(self) -> str:
        return self.str_repr()

    def __repr__(self) -> str:
        return f"<Model: {', '.join(self.named_vars) or 'empty'}>"


def _checked_name(name: str) -> str:
    if not isinstance(name, str):
        raise ModelError(f"the name of a variable is a string, not {name!r}")
    if "/" in name:
        raise ModelError(f"the name {name!r} has a slash", "files of results take it for a group: choose another name")
    if name.endswith(":"):
        raise ModelError(f"the name {name!r} ends with a colon", "colons separate the names of models")
    return name


__all__ = ["Model", "Point", "current_model", "modelcontext"]
