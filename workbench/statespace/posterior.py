"""What follows from posterior draws of a state space: its states, forecasts, responses to shocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.continuous import Normal
from workbench.errors import ModelError, ShapeError
from workbench.graph.expr import Expr
from workbench.graph.traverse import ancestors, replace
from workbench.inference.each_draw import each_draw, seed_word
from workbench.inference.given_draws import GivenDraws
from workbench.inference.idata import group as group_of
from workbench.inference.predictive import backend_of
from workbench.model.model import Model
from workbench.statespace.distribution import LinearGaussianStateSpace, root_of
from workbench.statespace.matrices import Matrices
from workbench.tensor.keys import fresh_key
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.gaussian_smoother import known_after, known_before

Array = np.ndarray[Any, Any]


class Posterior:
    """What a state space tells from posterior draws, once a variable has been made of it in a model."""

    name: str
    observed_states: tuple[str, ...]
    state_names: tuple[str, ...]
    shock_names: tuple[str, ...]
    _variable: tuple[Model, str] | None = None

    # States ----------------------------------------------------------------------------------------

    def sample_conditional_posterior(self, idata: Any, *, random_seed: Any = None, compile_kwargs: Mapping[str, Any] | None = None, **ignored: Any) -> Any:
        """Draw the states given the data, once for each posterior draw, as a Dataset.

        Parameters
        ----------
        idata
            Posterior draws.
        random_seed, compile_kwargs
            As for :func:`sample_posterior_predictive`.
        ignored
            Other options of pymc-extras.

        Returns
        -------
        ``smoothed_posterior``: a whole path given all data, drawn together (Durbin and Koopman's simulation smoother, 2002);
        ``filtered_posterior`` and ``predicted_posterior``: the states at each time given the data up to then, and up to the time before;
        and what is seen of each, without errors: ``..._observed``.
        """
        return self._conditional(idata, "posterior", random_seed, compile_kwargs)

    def sample_conditional_prior(self, idata: Any, *, random_seed: Any = None, compile_kwargs: Mapping[str, Any] | None = None, **ignored: Any) -> Any:
        """Draw the states given the data, once for each draw of the parameters from the prior; see :meth:`sample_conditional_posterior`.

        Parameters
        ----------
        idata
            Prior draws.
        random_seed, compile_kwargs, ignored
            As there.
        """
        return self._conditional(idata, "prior", random_seed, compile_kwargs)

    def _conditional(self, idata: Any, which: str, random_seed: Any, compile_kwargs: Any) -> Any:
        def of(m: Model, rv: Tensor) -> dict[str, Tensor]:
            kind, parameters, value = rv.op.distribution, rv.inputs[1:], m.rvs_to_values[rv]
            paths = {"smoothed": path_given(kind, value, parameters)}
            found = kind.filter(value, parameters)
            for label, known in (("filtered", known_after(found)), ("predicted", known_before(found))):
                mean, cov = known.mean[: value.shape[0]], known.cov[: value.shape[0]]
                paths[label] = mean + pt.sum(root_of(cov) * Normal.dist(0.0, 1.0, shape=mean.type.static_shape)[..., None, :], axis=-1)
            seen = {f"{k}_{which}_observed": seen_of(kind, parameters, x) for k, x in paths.items()}
            return {**{f"{k}_{which}": x for k, x in paths.items()}, **seen}

        return self._draws(idata, which, of, random_seed, compile_kwargs, self._times)

    def _times(self, m: Model, rv: Tensor) -> Any:
        """Labels of the times of a variable."""
        return _labels_of_times(m, rv)

    # Forecasts -------------------------------------------------------------------------------------

    def forecast(
        self, idata: Any, start: Any = None, periods: int | None = None, end: Any = None, *, scenario: Any = None, random_seed: Any = None,
        compile_kwargs: Mapping[str, Any] | None = None, **ignored: Any,
    ) -> Any:  # fmt: skip
        """Draw what comes after the data, once for each posterior draw, as a Dataset.

        Parameters
        ----------
        idata
            Posterior draws.
        start
            The last time whose data are used, by its label or number; the last of all by default.
        periods
            How many times.
        end
            The last time of the forecast, instead of `periods`.
        scenario
            What the data beside those observed are to be: an array or DataFrame with a row for each period, or a dict of some by name.
        random_seed, compile_kwargs
            As for :func:`sample_posterior_predictive`.
        ignored
            Other options of pymc-extras.

        Returns
        -------
        ``forecast_latent`` (..., time, state) and ``forecast_observed`` (..., time, observed_state).

        Raises
        ------
        ModelError
            If it is not said how long the forecast is, or data are missing for it.
        """
        m, rv = self._made()
        labels = _labels_of_times(m, rv)
        last = len(labels) - 1 if start is None else _place(labels, start)
        ahead = _periods(labels, last, periods, end, scenario)
        future = _continued(labels[: last + 1], ahead)
        given = self._scenario(scenario, ahead)

        def of(m: Model, rv: Tensor) -> dict[str, Tensor]:
            kind, parameters = rv.op.distribution, list(rv.inputs[1:])
            value = m.rvs_to_values[rv][: last + 1]
            cut = [p[..., : last + 1, :] if name.endswith("[time]") else p for name, p in zip(kind.parameters, parameters)]
            known = known_before(kind.filter(value, cut))
            mean, cov = known.mean[last + 1], known.cov[last + 1]
            d, _, p = kind.numbers
            first = mean + pt.sum(root_of(cov) * Normal.dist(0.0, 1.0, shape=(d,)), axis=-1)
            after = self._with_scenario(m, given) if given else rv
            states, seen = after.op.distribution.simulate(fresh_key(), ahead, (), after.inputs[1:], first)
            return {"forecast_latent": states, "forecast_observed": seen}

        return self._draws(idata, "posterior", of, random_seed, compile_kwargs, lambda m, rv: future)

    def _scenario(self, scenario: Any, ahead: int) -> dict[str, Array]:
        """The data of a forecast, by name."""
        needed: Sequence[Any] = getattr(self, "data", ())
        if not needed:
            if scenario is not None:
                raise ModelError(f"{self.name} has no data beside what is observed", "leave scenario out")
            return {}
        if scenario is None:
            raise ModelError(f"{self.name}: a forecast needs the data {', '.join(d.name for d in needed)} of the times to come", "scenario={name: an array with a row for each period}")
        by_name = scenario if isinstance(scenario, Mapping) else {needed[0].name: scenario}
        found = {}
        for d in needed:
            if d.name not in by_name:
                raise ModelError(f"{self.name}: the scenario has no {d.name}")
            x = np.asarray(by_name[d.name], "float64")
            x = x[:, None] if x.ndim == 1 else x
            if x.shape != (ahead, d.columns):
                raise ShapeError(f"{self.name}: {d.name} has shape {x.shape} in the scenario, {ahead} periods and {d.columns} columns are {(ahead, d.columns)}")
            found[d.name] = x
        return found

    def _with_scenario(self, m: Model, data: Mapping[str, Array]) -> Tensor:
        """What is seen, with other data."""
        given = {k: x for k, x in self._own.items() if k not in data}
        original, _ = self._variable or (m, "")
        if original is not m:
            others: dict[Expr, Expr] = {original[k]: m[k] for k in original.named_vars if k in m}
            given = dict(zip(given, replace(list(given.values()), others)))
        matrices = self.matrices({**given, **{k: as_tensor(x) for k, x in data.items()}})
        return LinearGaussianStateSpace.of(matrices)

    _own: Mapping[str, Tensor] = {}

    def matrices(self, given: Mapping[str, Tensor]) -> Matrices:
        raise NotImplementedError

    # Responses -------------------------------------------------------------------------------------

    def impulse_response_function(
        self, idata: Any, n_steps: int = 40, *, shock_size: Any = None, shock_cov: Any = None, shock_trajectory: Any = None,
        orthogonalize_shocks: bool = False, random_seed: Any = None, compile_kwargs: Mapping[str, Any] | None = None, **ignored: Any,
    ) -> Any:  # fmt: skip
        """Return how the states move after a shock, for each posterior draw, as a Dataset.

        Parameters
        ----------
        idata
            Posterior draws.
        n_steps
            For how many times.
        shock_size
            The shock, of each kind, or of all.
        shock_cov
            A covariance of the shocks, instead of the posterior's.
        shock_trajectory
            Shocks at each time ``(n_steps, shocks)``.
        orthogonalize_shocks
            Whether a shock comes with what is correlated with it: a column of the Cholesky factor, over its diagonal.
        random_seed, compile_kwargs, ignored
            As elsewhere.

        Returns
        -------
        ``irf``. For a shock that is given (..., time, state); else (..., shock, time, state), the response to one standard deviation of each
        shock alone, where pymc-extras draws one shock of all at random.
        """
        given = [x for x in (shock_size, shock_cov, shock_trajectory) if x is not None]
        if len(given) > 1:
            raise ModelError("a shock is given by one of shock_size, shock_cov and shock_trajectory")
        shocks = len(self.shock_names)
        path = None
        if shock_size is not None:
            path = np.zeros((n_steps, shocks))
            path[0] = np.broadcast_to(np.asarray(shock_size, "float64"), (shocks,))
        if shock_trajectory is not None:
            path = np.asarray(shock_trajectory, "float64")
            if path.ndim != 2 or path.shape[1] != shocks:
                raise ShapeError(f"shock_trajectory has shape {path.shape}, {self.name} has {shocks} shocks")
        steps = n_steps if path is None else len(path)

        def of(m: Model, rv: Tensor) -> dict[str, Tensor]:
            kind, parameters = rv.op.distribution, rv.inputs[1:]
            dense = dense_of(kind, parameters)
            transition, selection = dense.dense("T"), dense.dense("R")
            if path is not None:
                return {"irf": _response(transition, selection, pt.as_tensor(path))}
            cov = as_tensor(shock_cov) if shock_cov is not None else dense.dense("Q")
            spread = pt.sqrt(pt.diagonal(cov))
            columns = pt.linalg.cholesky(cov) if orthogonalize_shocks else pt.eye(shocks) * spread
            return {"irf": pt.stack([_response(transition, selection, _at_first(columns[:, k], steps)) for k in range(shocks)])}

        return self._draws(idata, "posterior", of, random_seed, compile_kwargs, lambda m, rv: np.arange(steps))

    # Draws -----------------------------------------------------------------------------------------

    def _made(self) -> tuple[Model, Tensor]:
        if self._variable is None:
            raise ModelError(f"no variable has been made of {self.name}", "observe data in a model first: statespace(name, observed=data)")
        model, name = self._variable
        m = model.at_current_shapes()
        return m, m[name]

    def _draws(self, idata: Any, which: str, of: Callable[[Model, Tensor], dict[str, Tensor]], random_seed: Any, compile_kwargs: Any, times: Callable[[Model, Tensor], Any]) -> Any:
        import xarray

        m, rv = self._made()
        given = GivenDraws(group_of(idata, which) if hasattr(idata, which) else idata)
        made = of(m, rv)
        below = ancestors(list(made.values()))
        needed = [x for x in m.free_RVs if x in below]
        given.require(needed)
        results = each_draw(needed, list(made.values()), backend_of(m, compile_kwargs))([given.of(x) for x in needed], given.count, seed_word(random_seed))
        labels = {"time": times(m, rv), "state": list(self.state_names), "observed_state": list(self.observed_states), "shock": list(self.shock_names)}
        whole = given.unstacked(dict(zip(made, results)))
        arrays = {}
        for name, x in whole.items():
            last = "observed_state" if name.endswith("observed") else "state"
            dims = [*given.dims, *(["shock"] if x.ndim == len(given.dims) + 3 else []), "time", last]
            arrays[name] = (dims, x)
        used = {d for dims, _ in arrays.values() for d in dims}
        return xarray.Dataset(arrays, coords={**{k: v for k, v in given.coords.items() if k in given.dims}, **{k: v for k, v in labels.items() if k in used}})


def path_given(kind: Any, value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """A path of the states given all that is seen: one from the prior, and the difference that the data make to it."""
    states, seen = kind.simulate(fresh_key(), value.shape[0], (), parameters)
    seen = seen[..., 0] if kind.flat else seen
    again = pt.where(pt.isnan(value), np.nan, seen)
    return states + kind.smooth(value, parameters).mean - kind.smooth(again, parameters).mean


def seen_of(kind: Any, parameters: Sequence[Tensor], states: Tensor) -> Tensor:
    """What would be seen of states without errors, ``(time, observed)``."""
    entries = kind.entries(parameters, kind.moving(parameters))
    columns: list[list[Any]] = [[entries["d"][i]] if i in entries["d"] else [] for i in range(kind.numbers[2])]
    for (i, j), a in entries["Z"].items():
        columns[i].append(a * states[..., j])
    zero = states[..., 0] * 0.0
    return pt.stack([sum(terms, zero) for terms in columns], axis=-1)


def dense_of(kind: Any, parameters: Sequence[Tensor]) -> Matrices:
    """The matrices of a variable; of those that change, what they are at the first time."""
    found = Matrices(*kind.numbers)
    for name, entries in kind.entries(parameters, [x[0] for x in kind.moving(parameters)]).items():
        found.entries[name] = dict(entries)
    return found


def _at_first(shock: Tensor, steps: int) -> Tensor:
    return pt.concatenate([shock[None], pt.zeros((steps - 1, shock.type.shape[0]))]) if steps > 1 else shock[None]


def _response(transition: Tensor, selection: Tensor, shocks: Tensor) -> Tensor:
    def step(x: Tensor, shock: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        moved = pt.dot(transition, x) + pt.dot(selection, shock)
        return [moved], [moved]

    _, (found,) = pt.scan(step, [pt.zeros(transition.type.shape[0])], [shocks])
    return found


def _labels_of_times(m: Model, rv: Tensor) -> Any:
    dims = m.named_vars_to_dims.get(str(rv.name), ())
    labels = m.coords.get(dims[0]) if dims and dims[0] is not None else None
    return np.arange(rv.type.static_shape[0]) if labels is None else np.asarray(labels)


def _place(labels: Any, start: Any) -> int:
    """Which time a label, or a number, is that of."""
    found: Any = np.flatnonzero(labels == np.asarray(start, labels.dtype)) if not isinstance(start, (int, np.integer)) or labels.dtype.kind in "iu" else []
    if len(found):
        return int(found[0])
    if isinstance(start, (int, np.integer)) and -len(labels) <= start < len(labels):
        return int(start) % len(labels)
    raise ModelError(f"there is no time {start!r}", f"times are {labels[0]} to {labels[-1]}")


def _periods(labels: Any, last: int, periods: int | None, end: Any, scenario: Any) -> int:
    """How many times a forecast has."""
    if periods is not None:
        count = int(periods)
    elif end is not None:
        first, step = labels[last], labels[last] - labels[last - 1] if last else 1
        count = round(float((np.asarray(end, labels.dtype) - first) / step))
    elif scenario is not None:
        count = len(next(iter(scenario.values())) if isinstance(scenario, Mapping) else scenario)
    else:
        raise ModelError("how long is the forecast?", "give periods= or end=")
    if count < 1:
        raise ModelError(f"a forecast of {count} periods", "at least 1")
    return count


def _continued(labels: Any, ahead: int) -> Any:
    """Labels of the times after some: months and years by the calendar, others by the last step."""
    if labels.dtype.kind == "M" and len(labels) > 2:
        for unit in ("Y", "M"):
            whole = labels.astype(f"datetime64[{unit}]")
            rest = labels - whole.astype(labels.dtype)
            steps = np.diff(whole.astype("int64"))
            if len(set(rest.tolist())) == 1 and len(set(steps.tolist())) == 1 and steps[0] > 0:
                return (whole[-1] + steps[0] * np.arange(1, ahead + 1)).astype(labels.dtype) + rest[-1]
    if labels.dtype.kind in "iufM" and len(labels) > 1:
        return labels[-1] + (labels[-1] - labels[-2]) * np.arange(1, ahead + 1)
    return np.arange(len(labels), len(labels) + ahead)


__all__ = ["Posterior"]
