"""Models from formulas: common terms by the package formulaic, group terms ``(1 + x | g)`` here."""

from __future__ import annotations

import functools
import re
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
from workbench.errors import ArgumentError, MissingPackageError, ModelError
from workbench.model.context import modelcontext
from workbench.model.model import Model
from workbench.model.variables import Deterministic
from workbench.tensor.tensor import Tensor

Terms = dict[str, tuple[list[str], np.ndarray[Any, Any]]]
GROUP_TERM = re.compile(r"\+?\s*\(([^()|]*(?:\([^()]*\)[^()|]*)*)\|\s*([^()|]+?)\s*\)")


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
        each term, ``x|g`` with ``x|g_sigma`` and ``x|g_offset`` for those of groups, and the outcome. Dims: ``obs``, groups by their column, and
        ``term_dim`` for terms of several columns.

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
    response, tilde, right = formula.partition("~")
    if not tilde or not response.strip():
        raise ArgumentError(f"the formula {formula!r} has no outcome", '"y ~ x + (1 | g)"')
    common, groups = split_terms(right)
    table = _table(data)
    y, terms = _columns(f"{response.strip()} ~ {common}", table)
    write = _Writing(dict(priors or {}), family, y, quiet)
    codes = {column: _codes(table, column) for _, column in groups}
    with Model(coords={"obs": range(len(y)), **{column: labels.tolist() for column, (labels, _) in codes.items()}}) as model:
        mu = write.common(terms)
        for effects, column in groups:
            _, varying = _columns(f"{response.strip()} ~ {effects or '1'}", table)
            mu = mu + write.of_groups(varying, column, codes[column][1])
        FAMILIES[family].outcome(response.strip(), Deterministic("mu", mu, dims="obs"), write.sd, y)
    if unused := set(write.priors) - write.used:
        raise ArgumentError(f"priors: there is no coefficient {min(unused)!r}", f"coefficients are {', '.join(sorted(write.names))}")
    return model


def split_terms(right: str) -> tuple[str, list[tuple[str, str]]]:
    """Part the right side of a formula into common terms, and pairs of terms and column for those of groups.

    Examples
    --------
    >>> split_terms("x + (1 + x | g) + C(k) + (1|h)")
    ('x + C(k)', [('1 + x', 'g'), ('1', 'h')])
    """
    groups = [(effects.strip(), column.strip()) for effects, column in GROUP_TERM.findall(right)]
    common = GROUP_TERM.sub("", right).strip().removeprefix("+").strip()
    if "|" in common:
        raise ArgumentError(f"the formula's terms {common!r} have a bar that is not of a group", "(1 + x | g)")
    return " ".join(common.split()) or "1", groups


def _table(data: Any) -> Any:
    import pandas

    return data.to_pandas() if hasattr(data, "to_pandas") else pandas.DataFrame({k: data[k] for k in data} if isinstance(data, Mapping) else data)


def _columns(formula: str, table: Any) -> tuple[np.ndarray[Any, Any], Terms]:
    """The outcomes, and of each term its columns' names and the columns."""
    try:
        import formulaic
    except ImportError as error:
        raise MissingPackageError("formulas need the package formulaic, which is not installed", 'pip install "bayes-workbench[formula]"') from error
    try:
        left, right = formulaic.model_matrix(formula, table, na_action="raise")
    except Exception as error:
        raise ModelError(f"the formula {formula!r} does not fit to the data: {error}", "missing values are to be dropped, or filled, before" if "null" in str(error) else "") from error
    if left.shape[1] != 1:
        raise ModelError(f"the outcome has {left.shape[1]} columns: {', '.join(map(str, left.columns))}", "give one column of numbers")
    names, values = [str(c) for c in right.columns], np.asarray(right, float)
    y = np.asarray(left, float)[:, 0]
    return y, {str(term): ([names[i] for i in at], values[:, list(at)]) for term, at in right.model_spec.term_indices.items() if len(at)}


def _codes(table: Any, column: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    if column not in table:
        raise ModelError(f"there is no column {column!r} to group by", f"columns are {', '.join(map(str, table.columns))}")
    labels, codes = np.unique(np.asarray(table[column]), return_inverse=True)
    return labels, codes


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

    def common(self, terms: Terms) -> Tensor:
        """The part of the predictor that all rows share."""
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
            names, x = terms[term]
            beta = self._slopes(term, names, sds)
            columns = x - at[term] if "1" in terms else x
            total = total + (columns[:, 0] * beta if len(names) == 1 else pt.dot(columns, beta))
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
        modelcontext(None).add_coord(dims, names)
        words = f"Normal(0, [{', '.join(f'{s:.3g}' for s in sd)}])"
        return self.variable(term, lambda n: Normal(n, 0.0, sd, dims=dims), words, reason, (len(names),), dims)

    def of_groups(self, terms: Terms, column: str, codes: np.ndarray[Any, Any]) -> Tensor:
        """The part of the predictor that groups have of their own, non-centred."""
        total: Any = 0.0
        for term, (names, x) in terms.items():
            for label, values in zip(names, x.T):
                name = f"{'1' if term == '1' else label}|{column}"
                width = self.intercept_sd if term == "1" else 2.5 * self.sd / float(values.std() or 1.0)
                sigma = self.variable(f"{name}_sigma", functools.partial(HalfNormal, sigma=width), f"HalfNormal({width:.3g})", "groups differ by as much as the common effect may be")
                effect = Deterministic(name, sigma * Normal(f"{name}_offset", dims=column), dims=column)
                total = total + effect[codes] * values
        return total
