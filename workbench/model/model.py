"""`Model`: the variables, what is known of them, and what can be computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.compile import choose_backend
from workbench.errors import ModelError, SamplingError
from workbench.graph.expr import Data as DataOp
from workbench.graph.expr import Expr, intern
from workbench.graph.inner import Graph
from workbench.graph.rewrite import Trace
from workbench.graph.traverse import topological
from workbench.model.compiled import PointFunction
from workbench.model.context import UNSET, ModelType, current_model, open_models
from workbench.model.density import LogpDlogp, LogpGraph, logp_grad_graph, values_for_variables
from workbench.model.dims import names_of_dims
from workbench.model.drawing import model_to_graphviz
from workbench.model.interventions import at_current_shapes, copied, rebuilt
from workbench.model.minibatch import TotalSize
from workbench.model.missing import observed_values
from workbench.model.points import initial_point, values_of
from workbench.model.position import constrained_position
from workbench.model.registration import register_rv
from workbench.model.roles import Variables
from workbench.tensor.tensor import Tensor

if TYPE_CHECKING:
    from workbench.model.formula_design import Design

Point = dict[str, np.ndarray[Any, Any]]


class Model(Variables, metaclass=ModelType):
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
    formula
        How :func:`workbench.formula_model` made the model's data of a table; ``None`` for other models.
    backend
        Where the model is computed unless a call says otherwise. ``None`` takes back what was chosen: then it is that of
        the model that this one is a part of, or else `Model.default_backend`, which is "auto" at first.

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
    default_backend: ClassVar[str] = "auto"

    def __init__(
        self, name: str = "", coords: Mapping[str, Sequence[Any] | None] | None = None, check_bounds: bool = True
    ) -> None:
        super().__init__(name)
        self.interventions: set[str] = set()
        self._backend: str | None = None
        self.formula: Design | None = None
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
        roots += [x for t in self.rvs_to_transforms.values() if t is not None for x in t.inputs]
        return {"": topological(roots), **self.__dict__, "taken_from": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: value for name, value in state.items() if name})

    def __deepcopy__(self, memo: Any) -> Model:
        own: dict[Expr, Expr] = {}
        for x in self.data_vars:
            if isinstance(x.op, DataOp):
                own[x] = intern(DataOp(x.op.label, [np.array(x.op.value)], x.op.type))
                own[x].name = x.name
        return rebuilt(self, own)

    @property
    def chosen_backend(self) -> str | None:
        """The backend that was chosen for the model, or for one that it is a part of; ``None`` if none was."""
        return self._backend if self._backend is not None or self.parent is None else self.parent.chosen_backend

    @property
    def backend(self) -> str:
        return self.chosen_backend or Model.default_backend

    @backend.setter
    def backend(self, chosen: str | None) -> None:
        if chosen is not None and chosen != "auto":
            choose_backend(chosen)
        self._backend = chosen

    # Variables -----------------------------------------------------------------------------------

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
        given = None if observed is None else observed_values(name, observed, rv.dtype)
        return register_rv(
            self, name, rv, dims=names_of_dims(name, dims), observed=given, initval=initval, transform=transform, default_transform=default_transform,
            total_size=total_size,
        )  # fmt: skip

    @property
    def unobserved_value_vars(self) -> list[Tensor]:
        """Values of the free variables, unconstrained and in their own space, and deterministics given them."""
        constrained = [rv for rv in self.free_RVs if self.rvs_to_transforms[rv] is not None]
        return [*self.value_vars, *self.replace_rvs_by_values([*constrained, *self.deterministics])]

    def replace_rvs_by_values(self, graphs: Sequence[Tensor]) -> list[Tensor]:
        """Return expressions with every random variable replaced by its value, in its own space."""
        return values_for_variables(self, graphs)[1]

    def at_current_shapes(self) -> Model:
        """Return the model with data of the shapes that they have now; itself, if no shape can change."""
        return at_current_shapes(self)

    def without_variables(self) -> Model:
        """Return a model without variables that has the dims of this one."""
        made: Model = Model(name=self.name, model=None)  # type: ignore[call-arg]
        made.coords, made.dim_lengths = dict(self.coords), dict(self.dim_lengths)
        made._used, made._fixed_by, made._names = set(self._used), dict(self._fixed_by), dict(self._names)
        made.interventions, made._backend, made.formula = set(self.interventions), self.chosen_backend, self.formula
        return made

    def copy(self) -> Model:
        """Return a model of the same variables, to which others can be added."""
        return copied(self)

    # Graphs --------------------------------------------------------------------------------------

    def density(self, jacobian: bool = True, vars: Any = None) -> LogpGraph:
        """Return the log-density as a graph over the value variables, with how it was derived."""
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
        return LogpDlogp(self, backend or self.backend)

    def logp_grad_graph(self, trace: Trace | None = None) -> Graph:
        """Return the graph from the flat unconstrained vector to the log-density and its gradient."""
        return logp_grad_graph(self.at_current_shapes(), trace)

    def constrained_graph(self) -> Graph:
        """Return the graph from the vectors of a position, of continuous and of discrete values, to free variables and deterministics."""
        return constrained_position(self.at_current_shapes())

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
        unknown = set(start) - {self.value_name(rv) for rv in self.free_RVs}
        if unknown:
            raise KeyError(f"{', '.join(sorted(unknown))}: no values of the model; it has {', '.join(str(v.name) for v in self.value_vars)}")
        if not all(np.isfinite(v) for v in self.point_logps(start).values()):
            from workbench.model.inspection import report

            raise SamplingError(f"the start is impossible:\n{report(self, start)}", page="impossible-start")

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
