"""What formulas make of tables: columns of terms by the package formulaic, codes of groups; the same way for new rows."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, MissingPackageError, ModelError, closest

Array = np.ndarray[Any, Any]
Terms = dict[str, tuple[list[str], Array]]
GROUP_TERM = re.compile(r"\+?\s*\(([^()|]*(?:\([^()]*\)[^()|]*)*)\|\s*([^()|]+?)\s*\)")


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


def table_of(data: Any) -> Any:
    """Return a pandas DataFrame of a table, or of columns by name."""
    import pandas

    return data.to_pandas() if hasattr(data, "to_pandas") else pandas.DataFrame({k: data[k] for k in data} if isinstance(data, Mapping) else data)


@dataclass(frozen=True)
class Rows:
    """A table's rows, as a formula reads them.

    Attributes
    ----------
    y
        The outcomes (n,); NaN where they are not known.
    common
        Of each term its columns' names, and the columns (n, k).
    groups
        Of each term of groups: the groups' column, and what varies among them, as in `common`.
    codes
        By column: of each row, which of the labels it has (n,).
    """

    y: Array
    common: Terms
    groups: list[tuple[str, Terms]]
    codes: dict[str, Array]

    def data(self, response: str) -> dict[str, tuple[Array, tuple[str, ...]]]:
        """Return the data of a model by name, with their dims: ``x_data``, ``x|g_data``, ``g_codes`` and the outcomes."""
        made: dict[str, tuple[Array, tuple[str, ...]]] = {}
        for term, (names, x) in self.common.items():
            if term != "1":
                made[f"{term}_data"] = (x[:, 0], ("obs",)) if len(names) == 1 else (x, ("obs", f"{term}_dim"))
        for column, terms in self.groups:
            labels = [(label, x) for term, (names, columns) in terms.items() if term != "1" for label, x in zip(names, columns.T)]
            made.update({f"{label}|{column}_data": (x, ("obs",)) for label, x in labels})
        made.update({f"{column}_codes": (codes, ("obs",)) for column, codes in self.codes.items()})
        return {**made, f"{response}_data": (self.y, ("obs",))}


@dataclass(frozen=True)
class Design:
    """How a formula reads tables: formulaic's specifications, with the levels and scales of the table they were made of.

    Attributes
    ----------
    response
        The formula's left side.
    outcome, common
        Specifications of the outcomes and of the common terms.
    groups
        Of each term of groups: the groups' column, and the specification of what varies among them.
    labels
        Labels of groups, by column.
    """

    response: str
    outcome: Any
    common: Any
    groups: list[tuple[str, Any]]
    labels: dict[str, Array]

    def rows(self, table: Any) -> Rows:
        """Read rows with the levels and scales that are kept.

        Raises
        ------
        ModelError
            If a column is missing, or has a missing value, a level or a group that the model was not made with.
        """
        for column in self.columns():
            if column not in table:
                near = closest(column, map(str, table.columns))
                raise ModelError(f"the new data have no column {column!r}", f"did you mean {near!r}?" if near else f"columns are {', '.join(map(str, table.columns))}")
        codes = {column: _codes(table, column, labels) for column, labels in self.labels.items()}
        return Rows(self._outcomes(table), _terms(self.common, table), [(column, _terms(spec, table)) for column, spec in self.groups], codes)

    def columns(self) -> list[str]:
        """Return the names of the columns that new rows must have: all but the outcomes'."""
        specs = [self.common, *(spec for _, spec in self.groups)]
        return sorted({str(v) for spec in specs for v in spec.required_variables} | set(self.labels))

    def _outcomes(self, table: Any) -> Array:
        y = np.full(len(table), np.nan)
        columns = [str(v) for v in self.outcome.required_variables]
        if all(c in table for c in columns):
            known = table[columns].notna().all(axis=1).to_numpy()
            if known.any():
                y[known] = np.asarray(_matrix(self.outcome, table[known]), float)[:, 0]
        return y


def design(formula: str, table: Any) -> Design:
    """Read how a formula makes columns of a table.

    Raises
    ------
    MissingPackageError
        If ``formulaic`` is not installed.
    ArgumentError, ModelError
        If the formula has no outcome, or cannot be read; if the table does not fit to it.

    Examples
    --------
    >>> import pandas
    >>> table = pandas.DataFrame({"y": [1.0, 2.0, 4.0], "k": ["u", "v", "u"], "g": ["a", "b", "b"]})
    >>> made = design("y ~ C(k) + (1 | g)", table)
    >>> new = made.rows(pandas.DataFrame({"k": ["v"], "g": ["a"]}))
    >>> new.common["C(k)"], new.codes["g"].tolist()
    ((['C(k)[T.v]'], array([[1.]])), [0])
    """
    response, tilde, right = formula.partition("~")
    response = response.strip()
    if not tilde or not response:
        raise ArgumentError(f"the formula {formula!r} has no outcome", '"y ~ x + (1 | g)"')
    common, groups = split_terms(right)
    outcome, spec = _specs(f"{response} ~ {common}", table)
    labels = {column: _labels(table, column) for _, column in groups}
    varying = [(column, _specs(f"{response} ~ {effects or '1'}", table)[1]) for effects, column in groups]
    return Design(response, outcome, spec, varying, labels)


def _specs(formula: str, table: Any) -> tuple[Any, Any]:
    """Specifications of the outcome and of the terms."""
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
    return left.model_spec, right.model_spec


def _matrix(spec: Any, table: Any) -> Any:
    """The columns that a specification makes of rows."""
    from formulaic.errors import DataMismatchWarning

    try:
        with warnings.catch_warnings():
            # formulaic would take a level that it does not know for a missing one.
            warnings.simplefilter("error", DataMismatchWarning)
            return spec.get_model_matrix(table)
    except DataMismatchWarning as error:
        raise _unknown_level(spec, table, error) from None
    except Exception as error:
        raise ModelError(f"the terms {spec.formula} do not fit to the new data: {error}", "missing values are to be dropped, or filled, before" if "null" in str(error) else "") from error


def _unknown_level(spec: Any, table: Any, error: Warning) -> ModelError:
    """The error that names a level, and its column, which the table of the model did not have."""
    for factor, (_, state) in spec.encoder_state.items():
        column = re.sub(r"^C\(\s*([^,()\s]+)\s*[,)].*$", r"\1", str(factor))
        if "categories" in state and column in table:
            new = [x for x in dict.fromkeys(table[column].tolist()) if x not in state["categories"]]
            if new:
                return ModelError(f"the column {column!r} has the level {new[0]!r}, which the data that the model was made of have not", f"levels are {_some(state['categories'])}")
    return ModelError(f"the terms {spec.formula} do not fit to the new data: {error}", "levels are those of the data that the model was made of")


def _terms(spec: Any, table: Any) -> Terms:
    """Of each term its columns' names and the columns."""
    made = _matrix(spec, table)
    names, values = [str(c) for c in made.columns], np.asarray(made, float)
    return {str(term): ([names[i] for i in at], values[:, list(at)]) for term, at in spec.term_indices.items() if len(at)}


def _labels(table: Any, column: str) -> Array:
    if column not in table:
        raise ModelError(f"there is no column {column!r} to group by", f"columns are {', '.join(map(str, table.columns))}")
    return np.unique(np.asarray(table[column]))


def _codes(table: Any, column: str, labels: Array) -> Array:
    import pandas

    codes = pandas.Index(labels).get_indexer(np.asarray(table[column]))
    if (codes < 0).any():
        new = np.asarray(table[column])[codes < 0].tolist()[0]
        raise ModelError(
            f"the column {column!r} has the group {new!r}, whose effects the model has not", f"groups are {_some(labels.tolist())}; for others make the model with rows of theirs"
        )
    return codes.astype("int64")


def _some(names: Any) -> str:
    """The first few of several names."""
    return ", ".join(map(str, names[:10])) + (", ..." if len(names) > 10 else "")
