"""A state space as a thing that gives variables: its parameters have names, dims and coords; its data too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.errors import ModelError, ShapeError, closest
from workbench.graph.lengths import differ
from workbench.model.context import modelcontext
from workbench.model.model import Model
from workbench.statespace.distribution import LinearGaussianStateSpace
from workbench.statespace.matrices import Matrices, Start
from workbench.statespace.posterior import Posterior
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.gaussian_filter import Filtered
from workbench.transforms.gaussian_smoother import Smoothed

INITIALIZATIONS = ("given", "known", "diffuse", "stationary")


class Parameter(NamedTuple):
    """A parameter of a state space.

    Attributes
    ----------
    name, shape, dims
        What it is called, its shape, and the dims of its axes.
    constraint
        What it must be: "positive", "covariance", or nothing.
    """

    name: str
    shape: tuple[int, ...]
    dims: tuple[str, ...] = ()
    constraint: str = ""

    def __str__(self) -> str:
        text = f"{self.name} of shape {self.shape}" if self.shape else self.name
        return f"{text}, {self.constraint}" if self.constraint else text


class DataOf(NamedTuple):
    """Data that a state space needs, one row for each time.

    Attributes
    ----------
    name, columns, dim
        What they are called, how many columns they have, and the dim of these.
    """

    name: str
    columns: int
    dim: str


class StateSpace(Posterior):
    """A linear state space model: what all of them share.

    A model is a thing that makes variables: ``model("y", observed=data, sigma_level=...)`` is a variable of the model around it, whose
    density is found by the Kalman filter; parameters that are not given are the variables of that name. What is missing (NaN) is
    integrated over.

    Attributes
    ----------
    name
        What it is called.
    state_names, shock_names, observed_states
        Labels of states, shocks and observed series.
    parameters, data
        What it needs.
    initialization
        How its states start: "given" with a covariance P0, "known", "diffuse", or "stationary".

    Examples
    --------
    >>> import workbench as pm
    >>> space = pm.statespace.structural.LevelTrend(order=1).build()
    >>> isinstance(space, StateSpace), space.state_names
    (True, ('level[data]',))
    """

    name: str = "statespace"
    initialization: str = "given"
    state_names: tuple[str, ...] = ()
    shock_names: tuple[str, ...] = ()
    observed_states: tuple[str, ...] = ("data",)
    parameters: tuple[Parameter, ...] = ()
    data: tuple[DataOf, ...] = ()
    parameter_coords: Mapping[str, Sequence[Any]] = {}
    steady: bool = False

    # What it needs ---------------------------------------------------------------------------------

    @property
    def k_states(self) -> int:
        """How many states there are."""
        return len(self.state_names)

    @property
    def k_posdef(self) -> int:
        """How many shocks there are."""
        return len(self.shock_names)

    @property
    def k_endog(self) -> int:
        """How many series are observed."""
        return len(self.observed_states)

    @property
    def param_names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(p.name for p in self.parameters)

    @property
    def param_dims(self) -> dict[str, tuple[str, ...] | None]:
        """The dims of each parameter; ``None`` for a number."""
        return {p.name: p.dims or None for p in self.parameters}

    @property
    def param_info(self) -> dict[str, dict[str, Any]]:
        """Shape, dims and constraint of each parameter."""
        return {p.name: {"shape": p.shape, "dims": p.dims or None, "constraints": p.constraint or None} for p in self.parameters}

    @property
    def data_names(self) -> tuple[str, ...]:
        """Names of the data that it needs beside what is observed."""
        return tuple(d.name for d in self.data)

    @property
    def coords(self) -> dict[str, Sequence[Any]]:
        """Labels of its dims: for ``pm.Model(coords=...)``."""
        whole = {"state": self.state_names, "state_aux": self.state_names, "observed_state": self.observed_states, "observed_state_aux": self.observed_states}
        shocks = {"shock": self.shock_names, "shock_aux": self.shock_names} if self.shock_names else {}
        return {k: tuple(v) for k, v in {**whole, **shocks, **self.parameter_coords}.items()}

    def matrices(self, given: Mapping[str, Tensor]) -> Matrices:
        """The system, given parameters and data by name."""
        raise NotImplementedError

    def system(self, **given: Any) -> Matrices:
        """Return the matrices, by their entries, for some parameters and data.

        Parameters
        ----------
        given
            Parameters and data by name; others are looked up in the model around.
        """
        return self.matrices(self._complete(given))

    def _complete(self, given: Mapping[str, Any], model: Model | None = None) -> dict[str, Tensor]:
        """Parameters and data by name: those given, and for others the variables of that name."""
        known = {*self.param_names, *self.data_names}
        unknown = [k for k in given if k not in known]
        if unknown:
            near = closest(unknown[0], known)
            raise ModelError(f"{self.name} has no parameter {unknown[0]!r}", f"did you mean {near!r}? " * bool(near) + f"it has {', '.join(sorted(known)) or 'none'}")
        model = modelcontext(None) if model is None and Model.get_context(error_if_none=False) is not None else model
        found, missing = {}, []
        for p in self.parameters:
            x = given.get(p.name, model[p.name] if model is not None and p.name in model else None)
            if x is None:
                missing.append(str(p))
                continue
            found[p.name] = self._fitting(p, as_tensor(x))
        for d in self.data:
            x = given.get(d.name, model[d.name] if model is not None and d.name in model else None)
            if x is None:
                missing.append(f"the data {d.name}, with {d.columns} columns")
                continue
            found[d.name] = self._rows(d, x)
        if missing:
            raise ModelError(f"{self.name} needs {'; '.join(missing)}", "write them in the model, as pm.Normal(name, ...) with dims=statespace.param_dims[name], or give them by name")
        return found

    def _fitting(self, p: Parameter, x: Tensor) -> Tensor:
        """A parameter, if its shape is that which is asked for."""
        if p.shape == () and x.type.shape == (1,):
            return x[0]
        if x.ndim == 0 and p.shape and math.prod(p.shape) == 1:
            return pt.reshape(x, p.shape)
        if x.ndim != len(p.shape) or any(differ(n, m) for n, m in zip(x.type.shape, p.shape)):
            raise ShapeError(f"{self.name}: the parameter {p.name} has shape {x.type.shape}, not {p.shape}", f"dims={p.dims} have these lengths" if p.dims else "it is a number")
        return pt.cast(x, "float64")

    def _rows(self, d: DataOf, data: Any) -> Tensor:
        x = as_tensor(data.to_numpy() if hasattr(data, "to_numpy") else data)
        x = x[:, None] if x.ndim == 1 and d.columns == 1 else x
        if x.ndim != 2 or differ(x.type.shape[1], d.columns):
            raise ShapeError(f"{self.name}: the data {d.name} have shape {x.type.shape}, not (time, {d.columns})")
        return pt.cast(x, "float64")

    # Variables ---------------------------------------------------------------------------------------

    def dist(self, *, steps: Any = None, flat: bool | None = None, shape: Any = None, **given: Any) -> Tensor:
        """Return what is seen, as a random variable outside of models.

        Parameters
        ----------
        steps, shape
            How many times there are, or the whole shape.
        flat
            Whether one series is a vector; it is by default.
        given
            Parameters and data by name.
        """
        flat = self.k_endog == 1 and (shape is None or not isinstance(shape, (tuple, list)) or len(shape) == 1) if flat is None else flat
        return LinearGaussianStateSpace.of(self.system(**given), steps, flat, shape, steady=self.steady)

    def __call__(self, name: str, observed: Any = None, *, steps: Any = None, dims: Any = None, model: Model | None = None, **given: Any) -> Tensor:
        """Return what is seen, as a variable of the model around.

        Parameters
        ----------
        name
            What it is called.
        observed
            Data, ``(time,)`` for one series or ``(time, series)``; NaN where nothing was seen.
        steps
            How many times there are, where nothing is observed.
        dims
            Names of the axes.
        model
            The model; that of the surrounding block by default.
        given
            Parameters and data by name; others are the variables of the model that are called so.

        Raises
        ------
        ModelError
            If parameters are missing or unknown, or nothing was seen at all.
        ShapeError
            If shapes do not fit.
        """
        m = modelcontext(model)
        shape: Any = None
        if observed is not None:
            observed, shape = self._observed(name, observed)
        elif steps is not None:
            shape = (steps,) if self.k_endog == 1 and (dims is None or isinstance(dims, str) or len(dims) == 1) else (steps, self.k_endog)
        with m:
            self._own = self._complete(given, m)
            matrices = self.matrices(self._own)
        rv = _Registered(name, matrices, self.steady, observed=observed, dims=dims, shape=shape, model=m)
        self._variable = (m, name)
        return rv

    def _observed(self, name: str, observed: Any) -> tuple[Any, Any]:
        """What is observed, as an array, and its shape."""
        if isinstance(observed, Tensor):
            if (observed.ndim == 2 and not differ(observed.type.shape[1], self.k_endog)) or (observed.ndim == 1 and self.k_endog == 1):
                return observed, tuple(observed.shape[i] for i in range(observed.ndim))
            raise ShapeError(f"{name}: the observed data have shape {observed.type.shape}, {self.name} has {self.k_endog} observed series")
        x: Any = observed if isinstance(observed, np.ma.MaskedArray) else np.asarray(observed)
        if x.ndim not in (1, 2) or (x.ndim == 1 and self.k_endog != 1) or (x.ndim == 2 and x.shape[1] != self.k_endog):
            raise ShapeError(f"{name}: the observed data have shape {x.shape}, {self.name} has {self.k_endog} observed series: {', '.join(map(str, self.observed_states))}", "rows are times")
        if isinstance(x, np.ma.MaskedArray):
            x = np.ma.filled(x.astype("float64"), np.nan)
        if x.dtype.kind in "iufO" and x.size and bool(np.all(np.asarray(x, "float64") != np.asarray(x, "float64"))):
            raise ModelError(f"{name}: all {x.size} values are missing", "there is nothing to learn from; leave observed out, and give steps=", argument="observed")
        if self.steady and x.dtype.kind in ("f", "O") and bool(np.isnan(np.asarray(x, "float64")).any()):
            raise ModelError(f"{name}: values are missing, and a filter in its steady state has none that are", 'filter_type="standard"', argument="observed")
        return x, x.shape

    def build_statespace_graph(self, data: Any, *, register_data: bool = True, name: str = "obs", **ignored: Any) -> Tensor:
        """Make what is observed a variable of the model around, as pymc-extras does.

        Parameters
        ----------
        data
            What was observed; a DataFrame's index gives the labels of the dim "time".
        register_data
            Taken so that code written for pymc-extras runs.
        name
            What the variable is called.
        ignored
            Options of pymc-extras' compilation: ``mode``, ``mvn_method``, ``cov_jitter``, ``save_kalman_filter_outputs_in_idata``,
            ``missing_fill_value``. None is needed.
        """
        unknown = sorted(set(ignored) - {"mode", "mvn_method", "cov_jitter", "save_kalman_filter_outputs_in_idata", "missing_fill_value", "add_norm_check", "filter_kwargs"})
        if unknown:
            raise ModelError(f"build_statespace_graph has no argument {unknown[0]!r}")
        m = modelcontext(None)
        index = getattr(data, "index", None)
        content: Any = data if isinstance(data, Tensor) else np.asarray(data, "float64")
        if content.ndim == 1:
            content = content[:, None]
        if isinstance(content, np.ndarray) and "time" not in m.coords:
            m.add_coord("time", list(range(len(content)) if index is None or callable(index) else np.asarray(index)))
        return self(name, observed=content, dims=("time", "observed_state" if "observed_state" in m.coords else None))

    # What is known of the states -----------------------------------------------------------------------

    def filter(self, y: Any, **given: Any) -> Filtered:
        """Return what is known of the states before and after each time, as graphs: see :class:`Filtered`.

        Parameters
        ----------
        y
            What was seen, ``(time,)`` or ``(time, series)``, NaN where nothing was.
        given
            Parameters and data by name.
        """
        value, rv = self._seen(y, given)
        return rv.op.distribution.filter(value, rv.inputs[1:])  # type: ignore[no-any-return]

    def smoother(self, y: Any, **given: Any) -> Smoothed:
        """Return mean and covariance of the states at each time given all that was seen, as graphs.

        Parameters
        ----------
        y
            What was seen, ``(time,)`` or ``(time, series)``, NaN where nothing was.
        given
            Parameters and data by name.
        """
        value, rv = self._seen(y, given)
        return rv.op.distribution.smooth(value, rv.inputs[1:])  # type: ignore[no-any-return]

    def _seen(self, y: Any, given: Mapping[str, Any]) -> tuple[Tensor, Any]:
        """What was seen, and a variable that has its shape."""
        value = as_tensor(y)
        return value, self.dist(shape=value.type.shape, **given)

    def __repr__(self) -> str:
        return f"{self.name}: {self.k_states} states, {self.k_posdef} shocks, {self.k_endog} observed; parameters {', '.join(self.param_names)}"


class _Registered(LinearGaussianStateSpace):
    """A state space as a variable of a model: its parameters are matrices, made before."""

    @classmethod
    def dist(cls, matrices: Matrices, steady: bool = False, *, shape: Any = None, size: Any = None) -> Tensor:  # type: ignore[override]
        flat = isinstance(shape, tuple) and len(shape) == 1
        return LinearGaussianStateSpace.of(matrices, flat=flat, shape=shape, size=size, steady=steady)


def started(matrices: Matrices, kind: str, mean: Any, cov: Any = None) -> Matrices:
    """Give the states of a system one start, all of them.

    Parameters
    ----------
    matrices
        The system.
    kind
        "given", "known", or "diffuse".
    mean, cov
        Of the first states.
    """
    d = matrices.states
    if kind == "diffuse":
        matrices.start = Start(as_tensor(mean), pt.eye(d), tuple(range(d)))
    else:
        matrices.start = Start(as_tensor(mean), pt.zeros((d, d)) if kind == "known" else as_tensor(cov))
    return matrices


FILTERS = ("standard", "single", "univariate", "cholesky", "steady_state")


def is_steady(title: str, options: Mapping[str, Any]) -> bool:
    """Whether other options, which pymc-extras has too, ask for a filter that begins in its steady state; all others are one filter here.

    Raises
    ------
    ModelError
        If there is no such option.
    """
    unknown = sorted(set(options) - {"verbose", "filter_type", "mode"})
    if unknown:
        raise ModelError(f"{title}: there is no argument {unknown[0]!r}", "beside its own there are filter_type, and mode and verbose, which are not needed")
    kind = options.get("filter_type", "standard")
    if kind not in FILTERS:
        raise ModelError(f"{title}: filter_type={kind!r}", f"one of {', '.join(FILTERS)}; all but the last are the same here")
    return bool(kind == "steady_state")


def require_initialization(title: str, kind: str, allowed: Sequence[str] = INITIALIZATIONS) -> str:
    """Return how states start, if there is such a way.

    Raises
    ------
    ModelError
        If there is not.
    """
    if kind not in allowed:
        raise ModelError(f"{title}: there is no initialization {kind!r}", f"it is one of {', '.join(map(repr, allowed))}")
    return kind


__all__ = ["DataOf", "Parameter", "StateSpace", "is_steady", "require_initialization", "started"]
