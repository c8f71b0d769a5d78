"""Models from formulas: common terms by the package formulaic, group terms ``(1 + x | g)`` here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions import (
    Bernoulli,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    NegativeBinomial,
    Normal,
    Poisson,
    StudentT,
)
from workbench.errors import ArgumentError, ModelError
from workbench.model.context import modelcontext
from workbench.model.formula_design import Terms, design, table_of
from workbench.model.model import Model
from workbench.model.variables import Data, Deterministic
from workbench.tensor.tensor import Tensor


@dataclass(frozen=True)
class Family:
    """How outcomes are distributed about the linear predictor.

    Attributes
    ----------
    own_scale
        Whether the predictor is in the units of the outcomes, so that priors take their scale from those.
    outcome
        The outcomes' variable, made of its name, the predictor, the data's standard deviation and the data.
    """

    own_scale: bool
    outcome: Callable[[str, Tensor, float, Any], Tensor]


def _sigma(sd: float) -> Tensor:
    return HalfStudentT("sigma", nu=4.0, sigma=sd)


FAMILIES: dict[str, Family] = {
    "gaussian": Family(True, lambda n, mu, sd, y: Normal(n, mu, _sigma(sd), observed=y, dims="obs")),
    "t": Family(True, lambda n, mu, sd, y: StudentT(n, nu=Gamma("nu", 2.0, 0.1), mu=mu, sigma=_sigma(sd), observed=y, dims="obs")),
    "bernoulli": Family(False, lambda n, mu, sd, y: Bernoulli(n, logit_p=mu, observed=y, dims="obs")),
    "poisson": Family(False, lambda n, mu, sd, y: Poisson(n, pt.exp(mu), observed=y, dims="obs")),
    "negativebinomial": Family(False, lambda n, mu, sd, y: NegativeBinomial(n, mu=pt.exp(mu), alpha=HalfCauchy("alpha", 1.0), observed=y, dims="obs")),
}
"""By name: links are the identity, the log-odds of a Bernoulli probability, and the logarithm of a mean of counts."""


def formula_model(formula: str, data: Any, family: str = "gaussian", *, priors: Mapping[str, Any] | None = None, quiet: bool = False) -> Model:
    """Make a regression of a formula: ``"y ~ x + C(k) + (1 + x | g)"``.

    Parameters
    ----------
    formula
        The outcome's column, and terms in the language of the package ``formulaic``; ``(terms | column)`` have effects for each group, drawn from a common normal
        distribution, independent of each other.
    data
        A DataFrame, or columns by name, without missing values.
    family
        "gaussian", "t", "bernoulli", "poisson" or "negativebinomial".
    priors
        Distributions made by ``.dist()``, by the variables' names, in place of the default ones.
    quiet
        Not to print the default priors and their reasons.

    Returns
    -------
    Model
        Variables: ``Intercept`` (of columns as they are; the variable behind it, ``Intercept_centred``, is of columns minus their means), a coefficient by the name of
        each term, ``x|g`` with ``x|g_sigma`` and ``x|g_offset`` for those of groups, the predictor ``mu`` and the outcome. Data: ``x_data``, ``x|g_data``, ``g_codes`` and
        ``y_data``, which :func:`workbench.set_formula_data` makes of new rows. Dims: ``obs``, groups by their column, and ``term_dim`` for terms of several columns.

    Raises
    ------
    MissingPackageError
        If ``formulaic`` is not installed.
    ArgumentError, ModelError
        If the family is unknown, the formula cannot be read, or the data do not fit to it.

    Notes
    -----
    Default priors are those of bambi, wide for any data: by one standard deviation of its prior a coefficient moves the predicted value by 2.5 standard deviations of
    the outcomes, for a predictor that moves by its own; by 2.5 where the link is no identity, and by 1 for log-odds. The same holds for the spread of groups.

    Examples
    --------
    >>> import workbench as pm
    >>> data = {"y": [1.0, 2.0, 4.0, 3.0], "x": [0.0, 1.0, 2.0, 1.5], "g": ["a", "a", "b", "b"]}
    >>> model = pm.formula_model("y ~ x + (1 | g)", data, quiet=True)
    >>> [v.name for v in model.free_RVs]
    ['Intercept_centred', 'x', '1|g_sigma', '1|g_offset', 'sigma']
    """
    if family not in FAMILIES:
        raise ArgumentError(f"family={family!r}", f"families are {', '.join(FAMILIES)}")
    table = table_of(data)
    found = design(formula, table)
    rows = found.rows(table)
    write = _Writing(dict(priors or {}), family, rows.y, quiet)
    with Model(coords={"obs": range(len(rows.y)), **{column: labels.tolist() for column, labels in found.labels.items()}}) as model:
        model.formula = found
        for term, (names, _) in rows.common.items():
            if len(names) > 1:
                model.add_coord(f"{term}_dim", names)
                # Else the coefficients' length would be that of the data, and they would be drawn again with new ones.
                model.fix_dim(f"{term}_dim", term)
        known = {name: Data(name, values, dims=dims) for name, (values, dims) in rows.data(found.response).items()}
        mu = write.common(rows.common, known)
        for column, varying in rows.groups:
            mu = mu + write.of_groups(varying, column, known)
        y = known[f"{found.response}_data"]
        mu = Deterministic("mu", mu if mu.ndim else pt.broadcast_to(mu, y.shape), dims="obs")
        FAMILIES[family].outcome(found.response, mu, write.sd, y)
    if unused := set(write.priors) - write.used:
        raise ArgumentError(f"priors: there is no coefficient {min(unused)!r}", f"coefficients are {', '.join(sorted(write.names))}")
    return model


def set_formula_data(new_data: Any, model: Model | None = None) -> None:
    """Give a model of a formula new rows: to predict their outcomes, given draws from the posterior.

    Terms are made of the new rows as of the old ones: with the levels of factors, the means and scales of ``scale(x)``, the knots of splines and the groups
    that the model was made with. To go back, give the old rows.

    Parameters
    ----------
    new_data
        A DataFrame, or columns by name: all that the formula reads but the outcomes. These may be there, for densities of what was held out; where they
        are not, they are NaN, so that sampling of the parameters refuses to begin.
    model
        The model; that of the surrounding block by default.

    Raises
    ------
    ModelError
        If the model is not of a formula; if a column is missing or has missing values; if a factor has a level, or a group is there, that the model was not
        made with. Nothing is changed then.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> model = pm.formula_model("y ~ x", {"y": [1.0, 2.0, 4.0], "x": [0.0, 1.0, 2.0]}, quiet=True)
    >>> draws = {"Intercept_centred": np.full((1, 2), 2.0), "x": np.full((1, 2), 1.5), "sigma": np.ones((1, 2))}
    >>> with model:
    ...     pm.set_formula_data({"x": [1.0, 3.0]})
    ...     made = pm.sample_posterior_predictive(draws, var_names=["mu", "y"], predictions=True)
    >>> made.predictions["mu"].values[0].tolist(), made.predictions["y"].shape
    ([[2.0, 5.0], [2.0, 5.0]], (1, 2, 2))
    """
    opened = modelcontext(model)
    if opened.formula is None:
        raise ModelError("the model is not of a formula", "pm.formula_model makes such models; data of others are replaced by pm.set_data")
    rows = opened.formula.rows(table_of(new_data))
    opened.replace_data({name: values for name, (values, _) in rows.data(opened.formula.response).items()}, {"obs": range(len(rows.y))})


class _Writing:
    """Writes variables of a formula, with the priors that were given or the default ones."""

    def __init__(self, priors: dict[str, Any], family: str, y: np.ndarray[Any, Any], quiet: bool) -> None:
        own = FAMILIES[family].own_scale
        self.priors, self.quiet, self.chances = priors, quiet, family == "bernoulli"
        self.middle, self.sd = (float(np.mean(y)), float(np.std(y))) if own else (0.0, 1.0)
        self.units = "sd of the outcomes" if own else "units of the predictor"
        self.used: set[str] = set()
        self.names: set[str] = set()
        self.intercept_sd = 2.5 * self.sd

    def variable(self, name: str, default: Callable[[str], Tensor], words: str, reason: str, shape: tuple[int, ...] = (), dims: Any = None) -> Tensor:
        """A variable: of the prior that was given, or of `default`, which is made of its name."""
        self.names.add(name)
        if name in self.priors:
            self.used.add(name)
            rv = self.priors[name]
            return modelcontext(None).register_rv(pt.broadcast_to(rv, shape) if shape and not rv.ndim else rv, name, dims=dims)
        if not self.quiet:
            print(f"{name} ~ {words}: {reason}")
        return default(name)

    def common(self, terms: Terms, known: Mapping[str, Tensor]) -> Tensor:
        """The part of the predictor that all rows share; columns are data, what priors are made of is not."""
        slopes = {term: self._slope_sd(x) for term, (_, x) in terms.items() if term != "1"}
        at = {term: terms[term][1].mean(axis=0) for term in slopes}
        self.intercept_sd = float(np.sqrt((2.5 * self.sd) ** 2 + sum(np.sum((slopes[t] * at[t]) ** 2) for t in slopes)))
        total: Any = pt.constant(0.0)
        if "1" in terms:
            sd = 1.5 if self.chances else self.intercept_sd
            total = self.variable(
                "Intercept_centred", lambda n: Normal(n, self.middle, sd), f"Normal({self.middle:.3g}, {sd:.3g})", "the predicted value where predictors are at their means; wide, as the slopes' priors are"
            )
        centred, shift = total, pt.constant(0.0)
        for term, sds in slopes.items():
            names, _ = terms[term]
            beta, columns = self._slopes(term, names, sds), known[f"{term}_data"]
            if "1" in terms:
                columns = columns - (at[term][0] if len(names) == 1 else at[term])
            total = total + (columns * beta if len(names) == 1 else pt.dot(columns, beta))
            shift = shift + pt.sum(at[term] * beta)
        if "1" in terms:
            Deterministic("Intercept", centred - shift)
        return total

    def _slope_sd(self, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        spread = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
        if self.chances:
            return np.where(np.isin(x, (0.0, 1.0)).all(axis=0), 1.0, 1.0 / spread)
        return 2.5 * self.sd / spread

    def _slopes(self, term: str, names: list[str], sd: np.ndarray[Any, Any]) -> Tensor:
        reason = f"a predictor's sd moves the predicted value by {1 if self.chances else 2.5} {self.units}"
        if len(names) == 1:
            return self.variable(term, lambda n: Normal(n, 0.0, sd[0]), f"Normal(0, {sd[0]:.3g})", reason)
        dims = f"{term}_dim"
        words = f"Normal(0, [{', '.join(f'{s:.3g}' for s in sd)}])"
        return self.variable(term, lambda n: Normal(n, 0.0, sd, dims=dims), words, reason, (len(names),), dims)

    def of_groups(self, terms: Terms, column: str, known: Mapping[str, Tensor]) -> Tensor:
        """The part of the predictor that groups have of their own, non-centred."""
        total: Any = 0.0
        for term, (names, x) in terms.items():
            for label, values in zip(names, x.T):
                name = f"{'1' if term == '1' else label}|{column}"
                width = self.intercept_sd if term == "1" else 2.5 * self.sd / float(values.std() or 1.0)
                sigma = self.variable(f"{name}_sigma", functools.partial(HalfNormal, sigma=width), f"HalfNormal({width:.3g})", "groups differ by as much as the common effect may be")
                effect = Deterministic(name, sigma * Normal(f"{name}_offset", dims=column), dims=column)
                of_rows = effect[known[f"{column}_codes"]]
                total = total + (of_rows if term == "1" else of_rows * known[f"{name}_data"])
        return total
