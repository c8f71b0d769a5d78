"""Observed data, and what is missing of them: missing values become free variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Draw, fresh_key
from workbench.errors import ModelError, warn_user
from workbench.graph.expr import Constant, Data, Expr, Input, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType
from workbench.tensor.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    pass


class ImputationWarning(UserWarning):
    """Data have missing values, which are imputed."""


@frozen
class Observed:
    """Observed values, and where they are missing, if they are."""

    values: Tensor
    missing: np.ndarray[Any, Any] | None = None


def observed_shape(name: str, observed: Any) -> Any:
    """Return the shape of observed data; symbolic, where its lengths may change."""
    if isinstance(observed, Tensor):
        return observed.shape
    try:
        return np.shape(observed)
    except ValueError as error:
        raise ModelError(f"{name}: the observed data are no array of numbers: {error}", numbers_from(observed), argument="observed", page="not-numbers") from None


def observed_values(name: str, observed: Any, dtype: str, missing_as_nan: bool = False) -> Observed:
    """Return observed data as a tensor of a dtype, and where values are missing; with `missing_as_nan` these stay NaN.

    Raises
    ------
    ModelError
        If replaceable data have missing values.
    """
    if isinstance(observed, Tensor):
        below = [x for x in topological([observed]) if isinstance(x.op, Draw)]
        if below:
            raise ModelError(
                f"{name}: the observed data depend on the random variable {below[0].name or repr(below[0])}",
                "observe data: numbers, or pm.Data; to tie two variables together write one as a parameter of the other",
                argument="observed",
            )
        fractions_possible = observed.type.kind == "f" and np.dtype(dtype).kind in "iu"
        values = observed if observed.dtype == dtype or fractions_possible else pt.cast(observed, dtype)
        content = np.asarray(values.eval())
        if content.dtype.kind == "f" and np.isnan(content).any() and not missing_as_nan:
            raise ModelError(
                f"{name}: the observed data have missing values (NaN), the first at index {_first(np.isnan(content))}",
                "give the array itself: missing values of data that can be replaced are not imputed",
                argument="observed",
            )
        if isinstance(values.op, Data) or _data_below(values):
            _warn_of_fractions(name, content, dtype)
            return Observed(values)
        return Observed(_as(content, dtype, name))
    try:
        content, missing = _masked(observed)
    except (ValueError, TypeError) as error:
        raise ModelError(f"{name}: the observed data are no array of numbers: {error}", numbers_from(observed), argument="observed", page="not-numbers") from None
    if content.dtype.kind not in "biuf":
        raise ModelError(f"{name}: the observed data are of dtype {content.dtype}, not numbers", numbers_from(observed), argument="observed", page="not-numbers")
    if missing is not None and missing_as_nan:
        return Observed(_as(np.where(missing, np.nan, content), dtype, name))
    if missing is None:
        return Observed(_as(content, dtype, name))
    warn_user(f"{name}: {int(missing.sum())} of {missing.size} observed values are missing and will be imputed", ImputationWarning)
    return Observed(_as(np.where(missing, 0, content), dtype, name), missing)


def numbers_from(observed: Any) -> str:
    """How to make numbers of what is observed."""
    dtype = str(getattr(observed, "dtype", ""))
    if hasattr(observed, "tocsr"):
        return "a sparse matrix is a constant: pt.sparse.dot(S, x); elements that are data are those of pt.sparse.csr(pm.Data(name, S.data), S.indices, S.indptr, S.shape)"
    if dtype.startswith("datetime"):
        return "take a difference of times as a number: (t - t.min()) / np.timedelta64(1, 'D')"
    if dtype == "category" or dtype.lower().startswith(("<u", "str", "object", "categorical", "enum")) or isinstance(observed, (list, tuple)):
        return "labels are numbered by pandas: codes, labels = pd.factorize(data); rows must be of one length"
    return "give an array of numbers"


def _data_below(x: Expr) -> bool:
    """Whether an expression is made of data, and of nothing that is yet to be given."""
    leaves = [n for n in topological([x]) if not n.inputs]
    return not any(isinstance(n.op, Input) for n in leaves) and any(isinstance(n.op, Data) for n in leaves)


def _as(content: np.ndarray[Any, Any], dtype: str, name: str) -> Tensor:
    values = as_tensor(content)
    if values.dtype == dtype:
        return values
    # A value that cannot occur stays as it is: its log-density must be minus infinity, not that of its whole part.
    return values if _warn_of_fractions(name, content, dtype) else pt.constant(content.astype(dtype))


def fractions(content: Any, dtype: str) -> np.ndarray[Any, Any]:
    """Where numbers are not whole, which are to be of an integer dtype."""
    array = np.asarray(content)
    if array.dtype.kind != "f" or np.dtype(dtype).kind not in "iu":
        return np.zeros(array.shape, bool)
    return np.asarray(array != np.floor(array))


def require_whole(name: str, what: str, value: Tensor, dtype: str) -> None:
    """Raise an error for constant fractions where a variable takes whole numbers."""
    if isinstance(value.op, Constant) and (where := fractions(value.op.value, dtype)).any():
        raise ModelError(f"{name}: its {what} is {value.op.value[where][0]}, and its values are whole numbers", "round it", argument=what.split()[0] if what.startswith("observed") else None)


def in_own_dtype(rv: Any, value: Any) -> Tensor:
    """An observed value in its variable's place, in other expressions: counts given as floats as integers."""
    return pt.cast(value, rv.dtype)


def _warn_of_fractions(name: str, content: np.ndarray[Any, Any], dtype: str) -> bool:
    """Say once, where the variable is made, that observed numbers are not whole."""
    where = fractions(content, dtype)
    if not where.any():
        return False
    at = f" at index {_first(where)}" if content.ndim else ""
    warn_user(
        f"{name}: {int(where.sum())} of {where.size} observed values are no whole numbers, the first {content[where][0]}{at}: they cannot occur, "
        "and their log-density is minus infinity. Round them, or take a distribution of real numbers"
    )
    return True


def _masked(observed: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    """An array, and where it has no values."""
    if isinstance(observed, np.ma.MaskedArray):
        missing = np.ma.getmaskarray(observed).copy()
        content = np.asarray(observed.data)
    elif hasattr(observed, "to_numpy"):
        content = observed.to_numpy()
        missing = np.asarray(observed.isna()) if hasattr(observed, "isna") else np.zeros(content.shape, bool)
        if content.dtype == object:
            content = np.where(missing, np.nan, content).astype("float64")
    else:
        content = np.asarray(observed)
        missing = np.zeros(content.shape, bool)
    if content.dtype == object:
        missing = missing | np.array([v is None for v in content.ravel()], bool).reshape(content.shape)
        content = np.where(missing, np.nan, content).astype("float64")
    if content.dtype.kind == "f":
        missing = missing | np.isnan(content)
    return content, missing if missing.any() else None


def _first(where: np.ndarray[Any, Any]) -> Any:
    first = np.argwhere(where)[0].tolist()
    return first[0] if len(first) == 1 else tuple(first)


def joined(rv: Tensor, missing: np.ndarray[Any, Any], seen: Tensor, free: Tensor) -> Tensor:
    """Return both parts in their places."""
    start: Tensor = pt.zeros(rv.type.static_shape, rv.dtype)
    start = start[np.nonzero(~missing)].set(seen)
    return start[np.nonzero(missing)].set(free)


def part(rv: Tensor, chosen: np.ndarray[Any, Any]) -> Tensor:
    """Return a variable of its own for the chosen elements of another."""
    at = np.nonzero(chosen)
    if not isinstance(rv.op, Draw):
        return rv[at]
    d = rv.op.distribution
    ranks = d.ranks or (0,) * len(rv.inputs[1:])
    batch = rv.type.static_shape[: rv.ndim - d.event_rank]
    parts = []
    for p, rank in zip(rv.inputs[1:], ranks):
        core = p.type.shape[p.ndim - rank :]
        parts.append(pt.broadcast_to(p, (*batch, *core))[at] if p.ndim > rank else p)
    count = int(chosen.sum())
    return intern(Draw(d, (count, *rv.type.static_shape[len(batch) :])), (fresh_key(), *parts))


# Missing elements of vectors -----------------------------------------------------------------------


@frozen
class Part(Op):
    """The observed, or the missing, elements of a variable (input) whose draws are vectors.

    Their density is that of the whole vectors: it is counted with the observed part.
    """

    missing: tuple[int, ...]
    free: bool
    name = "part"

    def infer(self, x: TensorType) -> TensorType:
        count = len(self.missing)
        return x.with_shape((count if self.free else x.size - count,))

    def chosen(self, size: int) -> np.ndarray[Any, Any]:
        """Row-major numbers of its elements."""
        where = np.isin(np.arange(size), self.missing)
        return np.flatnonzero(where if self.free else ~where)

    def numpy(self, x: Any) -> Any:
        return np.ravel(x)[self.chosen(np.size(x))]

    def jax(self, x: Any) -> Any:
        return x.reshape(-1)[self.chosen(x.size)]


__all__ = [
    "ImputationWarning", "Observed", "Part", "fractions", "in_own_dtype", "joined", "numbers_from", "observed_shape", "observed_values",
    "part", "require_whole",
]  # fmt: skip
